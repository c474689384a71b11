/** Intents that have no outcome yet, oldest first. Bounded by the recorder's admission. */

import type { Clock } from '../base/clock.ts'

const LONG_OPEN_MS = 60_000
/** Ids that one heartbeat names: 37 bytes each, inside the 2 KiB of a text. */
const MAX_LISTED = 40
/** Position of an intent that stands in a session before the running one. */
const ELSEWHERE = -1

interface OpenIntent {
  readonly openedMs: number
  /** `chain_seq` in the running session. */
  readonly seq: number
}

export class OpenIntents {
  readonly #intents = new Map<string, OpenIntent>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#intents.size
  }

  has(actionId: string): boolean {
    return this.#intents.has(actionId)
  }

  open(actionId: string, seq: number): void {
    this.#intents.set(actionId, { openedMs: this.#clock.monotonicMs(), seq })
  }

  /** @returns whether the intent stood in the running session */
  settle(actionId: string): boolean {
    const seq = this.#intents.get(actionId)?.seq ?? ELSEWHERE
    this.#intents.delete(actionId)
    return seq !== ELSEWHERE
  }

  /**
   * Takes over what the session before left open: those exchanges still run.
   *
   * @param lastSeq last receipt of that session that was acknowledged; what came behind it was refused, and ended there
   */
  inherit(before: OpenIntents, lastSeq: number): void {
    for (const [actionId, { openedMs, seq }] of before.#intents) {
      if (seq <= lastSeq) this.#intents.set(actionId, { openedMs, seq: ELSEWHERE })
    }
  }

  /** @returns the heartbeat's `pattern`: `open=<n> over_60s=<m> ids=<id>,<id>`, with `more=<k>` beyond 40 */
  summary(): string {
    const ids: string[] = []
    let long = 0
    const before = this.#clock.monotonicMs() - LONG_OPEN_MS
    // Insertion order is time order, so the first young one ends it.
    for (const [actionId, { openedMs }] of this.#intents) {
      if (openedMs > before) break
      if (ids.length < MAX_LISTED) ids.push(actionId)
      long++
    }
    const listed = ids.length > 0 ? ` ids=${ids.join(',')}` : ''
    const more = long > ids.length ? ` more=${long - ids.length}` : ''
    return `open=${this.#intents.size} over_60s=${long}${listed}${more}`
  }
}
