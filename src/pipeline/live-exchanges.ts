/** The exchanges that are open now: what the kill switch cuts, a shutdown waits for, and a heartbeat lists. */

import type { Denial } from '../model/denial.ts'
import type { Passage } from './passage.ts'

export class LiveExchanges {
  /** Each passage knows its place. An array, not a Set: with a Set ended exchanges were seen to outlive their scavenges. */
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
