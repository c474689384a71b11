/** The exchanges that are open now: what the kill switch cuts, a shutdown waits for, and a heartbeat lists. */

import type { Denial } from '../model/denial.ts'
import type { Passage } from './passage.ts'

export class LiveExchanges {
  /**
   * Each passage knows its place. Not a Set: a table that V8 outgrew keeps what was in it and points to its successor, so
   * every ended exchange survived until the next full collection (8 KB each, 25 ms a scavenge instead of 2; Node 24.21).
   */
  readonly #open: Passage[] = []
  #idle: (() => void)[] = []

  open(passage: Passage): void {
    passage.livePlace = this.#open.push(passage) - 1
  }

  close(passage: Passage): void {
    const last = this.#open.pop()
    if (last !== undefined && last !== passage) {
      last.livePlace = passage.livePlace
      this.#open[passage.livePlace] = last
    }
    if (this.#open.length > 0) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }

  /** Stops every open exchange that `matches`, now. */
  cut(matches: (passage: Passage) => boolean, denial: Denial): void {
    for (const passage of [...this.#open]) {
      if (passage.stopped !== undefined || !matches(passage)) continue
      passage.stopped = denial
      passage.running?.stop(denial)
    }
  }

  /** @returns once nothing is open */
  whenIdle(): Promise<void> {
    if (this.#open.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** @returns open tunnels by profile name */
  countTunnels(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { exchange, profile, intentRecorded } of this.#open) {
      if (exchange.surface === 'connect' && intentRecorded) counts.set(profile.name, (counts.get(profile.name) ?? 0) + 1)
    }
    return counts
  }

  get size(): number {
    return this.#open.length
  }
}
