/** Which profiles an operator has frozen, as known here and now: the ledger keeps it, this copy answers without waiting. */

export class FrozenAgents {
  #names: ReadonlySet<string> = new Set()

  has(profileName: string): boolean {
    return this.#names.size > 0 && this.#names.has(profileName)
  }

  /** @returns the names that were not frozen before */
  replace(names: Iterable<string>): readonly string[] {
    const before = this.#names
    this.#names = new Set(names)
    return [...this.#names].filter((name) => !before.has(name))
  }

  names(): readonly string[] {
    return [...this.#names]
  }

  set(name: string, frozen: boolean): void {
    const names = new Set(this.#names)
    if (frozen) names.add(name)
    else names.delete(name)
    this.#names = names
  }
}
