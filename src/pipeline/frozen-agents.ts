/**
 * Which profiles an operator has frozen, as known here and now: the ledger keeps it, this copy answers without waiting. What
 * was ordered here holds from the order on, whatever a reading of the ledger says that began before it.
 */

export class FrozenAgents {
  #known: ReadonlySet<string> = new Set()
  readonly #ordered = new Set<string>()

  has(profileName: string): boolean {
    return this.#known.has(profileName) || this.#ordered.has(profileName)
  }

  /** Takes over what the ledger says. @returns the names that were not frozen before */
  replace(names: Iterable<string>): readonly string[] {
    const added = [...names].filter((name) => !this.has(name))
    this.#known = new Set(names)
    return added
  }

  names(): readonly string[] {
    return [...new Set([...this.#known, ...this.#ordered])]
  }

  /** Frozen until `release`, also where the ledger could not be told. */
  order(name: string): void {
    this.#ordered.add(name)
  }

  /** Leaves an order to the ledger, where the ledger is known to have it. */
  confirm(name: string): void {
    if (this.#known.has(name)) this.#ordered.delete(name)
  }

  /** From here on the ledger's word holds alone. */
  release(name: string): void {
    this.#ordered.delete(name)
  }
}
