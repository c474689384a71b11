/** One state per key, in order of last change, bounded. A key is dropped when its state says nothing any more, never to make room. */

import { MAX_KEYS } from './meter.ts'

export class KeyStates<State> {
  readonly #states = new Map<string, State>()
  readonly #create: () => State

  constructor(create: () => State) {
    this.#create = create
  }

  find(key: string): State | undefined {
    return this.#states.get(key)
  }

  /** @returns the key's state, made where there was none and moved to the newest place */
  touch(key: string): State {
    const state = this.#states.get(key) ?? this.#create()
    this.#states.delete(key)
    this.#states.set(key, state)
    return state
  }

  delete(key: string): void {
    this.#states.delete(key)
  }

  entries(): IterableIterator<[string, State]> {
    return this.#states.entries()
  }

  keys(): string[] {
    return [...this.#states.keys()]
  }

  /** @param isEmpty whether a state says nothing any more; asked of all keys once there is no room */
  hasRoom(key: string, isEmpty: (state: State) => boolean): boolean {
    return this.#states.size < MAX_KEYS || this.#states.has(key) || this.sweep(isEmpty) < MAX_KEYS
  }

  /** Drops the states that say nothing any more. @returns how many are left */
  sweep(isEmpty: (state: State) => boolean): number {
    for (const [key, state] of this.#states) if (isEmpty(state)) this.#states.delete(key)
    return this.#states.size
  }
}
