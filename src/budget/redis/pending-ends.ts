/** Ends of attempts that the store did not take yet: sent again when it answers, each as often as needed, since the second time does nothing. */

import type { SharedStore } from './shared-store.ts'

export interface End {
  readonly subject: string
  readonly keys: readonly string[]
  readonly values: readonly (string | number)[]
}

/** Ends kept; beyond them the oldest are forgotten, and what they would give back stays spent. */
const MAX_PENDING = 10_000

export class PendingEnds {
  readonly #store: SharedStore
  #pending: End[] = []
  #draining: Promise<void> | undefined

  constructor(store: SharedStore) {
    this.#store = store
    store.onOpen(() => {
      void this.drain()
    })
  }

  /** Never rejects. */
  async send(end: End): Promise<void> {
    if (await this.#try(end)) return
    this.#pending.push(end)
    if (this.#pending.length > MAX_PENDING) this.#pending.shift()
  }

  /** Sends what is pending, until one is not taken. */
  drain(): Promise<void> {
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = undefined
    })
    return this.#draining
  }

  async #drain(): Promise<void> {
    for (let end = this.#pending[0]; end !== undefined; end = this.#pending[0]) {
      if (!(await this.#try(end))) return
      this.#pending = this.#pending.filter((other) => other !== end)
    }
  }

  async #try(end: End): Promise<boolean> {
    if (!this.#store.isOpen) return false
    return this.#store.run('settle', end.subject, end.keys, end.values).then(() => true, () => false)
  }
}
