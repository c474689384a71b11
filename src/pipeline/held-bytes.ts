/** The memory that all held bodies of all exchanges may take together. */

export class HeldBytes {
  #held = 0

  /** @returns `false`, and takes nothing, where `bytes` more would exceed `maxBytes` */
  take(bytes: number, maxBytes: number): boolean {
    if (this.#held + bytes > maxBytes) return false
    this.#held += bytes
    return true
  }

  give(bytes: number): void {
    this.#held -= bytes
  }

  get bytes(): number {
    return this.#held
  }
}
