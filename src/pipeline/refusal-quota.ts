/**
 * How many refusals are receipted: up to 20 a second per profile, 5 a second per unknown source address. Beyond that one
 * receipt a second tells how many were suppressed, so that refusals cannot fill the disk.
 */

import { LRUCache } from 'lru-cache'

import type { Clock } from '../base/clock.ts'

const PER_PROFILE = 20
const PER_UNKNOWN_SOURCE = 5
const WINDOW_MS = 1000
/** Sources beyond this share what the least recent one had: an attacker with many addresses gains nothing but a new 5. */
const MAX_SUBJECTS = 4096

interface Window {
  startedMs: number
  written: number
  suppressed: number
}

export class RefusalQuota {
  readonly #clock: Clock
  #evicted = 0
  readonly #windows = new LRUCache<string, Window>({
    max: MAX_SUBJECTS,
    dispose: (window) => {
      this.#evicted += window.suppressed
    },
  })
  /** All unknown sources together, so that many addresses do not add up. */
  readonly #unknown: Window = { startedMs: 0, written: 0, suppressed: 0 }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Asks whether this refusal is receipted.
   *
   * @param subject profile name, or source address where no profile matched
   * @returns the number of refusals of this subject that were suppressed before it, to be told by this receipt;
   *   `undefined` where this one is suppressed too
   */
  admit(subject: string, kind: 'profile' | 'unknown_source'): number | undefined {
    const nowMs = this.#clock.monotonicMs()
    const limit = kind === 'profile' ? PER_PROFILE : PER_UNKNOWN_SOURCE
    const key = `${kind} ${subject}`
    let window = this.#windows.get(key)
    if (window === undefined) {
      window = { startedMs: nowMs, written: 0, suppressed: 0 }
      this.#windows.set(key, window)
    }
    // The source's own window first: what floods beyond it must not use up the share of all unknown sources.
    if (!admitTo(window, nowMs, limit) || (kind === 'unknown_source' && !admitTo(this.#unknown, nowMs, PER_PROFILE))) {
      window.suppressed++
      return undefined
    }
    const { suppressed } = window
    window.suppressed = 0
    return suppressed
  }

  /**
   * @param which `over`: only of subjects whose second is over; `all`: before a stop
   * @returns what was suppressed and not yet told, by subject; it counts as told then
   */
  takeSuppressed(which: 'over' | 'all'): { readonly subject: string; readonly count: number }[] {
    const nowMs = this.#clock.monotonicMs()
    const told = [...this.#windows.entries()]
      .filter(([, window]) => window.suppressed > 0 && (which === 'all' || nowMs - window.startedMs >= WINDOW_MS))
      .map(([subject, window]) => {
        const count = window.suppressed
        window.suppressed = 0
        return { subject, count }
      })
    if (this.#evicted > 0) told.push({ subject: 'unknown_source others', count: this.#evicted })
    this.#evicted = 0
    return told
  }
}

function admitTo(window: Window, nowMs: number, limit: number): boolean {
  if (nowMs - window.startedMs >= WINDOW_MS) {
    window.startedMs = nowMs
    window.written = 0
  }
  if (window.written >= limit) return false
  window.written++
  return true
}
