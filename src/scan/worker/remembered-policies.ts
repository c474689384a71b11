/** Policies by number, the oldest forgotten first: both ends of the scan pool keep one, and forget alike. */

const MAX_POLICIES = 256

export class RememberedPolicies<T> {
  readonly #byId = new Map<number, T>()

  get(id: number): T | undefined {
    return this.#byId.get(id)
  }

  set(id: number, value: T): void {
    this.#byId.set(id, value)
    if (this.#byId.size <= MAX_POLICIES) return
    const [oldest] = this.#byId.keys()
    if (oldest !== undefined) this.#byId.delete(oldest)
  }
}
