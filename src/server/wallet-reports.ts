/**
 * Which crossings of a limit are told one by one: all of them are counted, but an agent that hammers at its limit must not
 * fill the log. Per profile, axis and action: the first crossing always; a warning again after a minute or a further tenth,
 * a refusal up to twenty times a second. What was left out is told by the next one, or when a second is over.
 */

import type { Clock } from '../base/clock.ts'

export interface WalletReport {
  /** Whether the budget admitted everything of this axis just before. */
  readonly isFirst: boolean
  /** Crossings left out since the last report. */
  readonly suppressed: number
}

export interface Crossed {
  readonly profile: string
  readonly axis: string
  readonly action: 'block' | 'warn'
  readonly used: number
  /** Where the ledger knows that the limit was kept before. */
  readonly isFirst?: boolean
}

interface Told {
  sinceMs: number
  count: number
  usedThen: number
  suppressed: number
  isFirst: boolean
}

const REFUSALS_PER_WINDOW = 20
const REFUSAL_WINDOW_MS = 1000
const WARNING_WINDOW_MS = 60_000
const FURTHER = 1.1
const SEPARATOR = '\u0000'

export class WalletReports {
  readonly #clock: Clock
  /** By profile, then by axis and action: bounded by the configuration. */
  readonly #told = new Map<string, Map<string, Told>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The profile was admitted: its next refusal is a first one again. */
  admitted(profile: string): void {
    const told = this.#told.get(profile)
    if (told === undefined) return
    for (const [key, one] of told) if (key.endsWith('block')) one.isFirst = true
  }

  /** @returns `undefined` where this one is not told */
  note({ profile, axis, action, used, isFirst = false }: Crossed): WalletReport | undefined {
    const one = this.#find(profile, `${axis}${SEPARATOR}${action}`)
    one.isFirst ||= isFirst
    const nowMs = this.#clock.monotonicMs()
    const isDue = action === 'block' ? isRefusalDue(one, nowMs) : isWarningDue(one, used, nowMs)
    if (!isDue) {
      one.suppressed++
      return undefined
    }
    const report = { isFirst: one.isFirst, suppressed: one.suppressed }
    one.isFirst = false
    one.suppressed = 0
    one.usedThen = used
    if (action === 'warn') one.sinceMs = nowMs
    return report
  }

  /** @returns what was left out and not yet told; it counts as told then */
  takeSuppressed(): { readonly profile: string; readonly axis: string; readonly count: number }[] {
    const nowMs = this.#clock.monotonicMs()
    return [...this.#told].flatMap(([profile, axes]) =>
      [...axes].flatMap(([key, one]) => {
        if (one.suppressed === 0 || nowMs - one.sinceMs < REFUSAL_WINDOW_MS) return []
        const count = one.suppressed
        one.suppressed = 0
        return [{ profile, axis: key.split(SEPARATOR, 1)[0] ?? '', count }]
      }),
    )
  }

  /** After a reload: what is known of profiles that went away goes with them. */
  retain(profiles: ReadonlySet<string>): void {
    for (const name of this.#told.keys()) if (!profiles.has(name)) this.#told.delete(name)
  }

  #find(profile: string, key: string): Told {
    const axes = this.#told.get(profile) ?? new Map<string, Told>()
    this.#told.set(profile, axes)
    const one = axes.get(key) ?? { sinceMs: -Infinity, count: 0, usedThen: 0, suppressed: 0, isFirst: true }
    axes.set(key, one)
    return one
  }
}

function isRefusalDue(one: Told, nowMs: number): boolean {
  if (nowMs - one.sinceMs >= REFUSAL_WINDOW_MS) {
    one.sinceMs = nowMs
    one.count = 0
  }
  return ++one.count <= REFUSALS_PER_WINDOW
}

function isWarningDue(one: Told, used: number, nowMs: number): boolean {
  return one.isFirst || used >= one.usedThen * FURTHER || nowMs - one.sinceMs >= WARNING_WINDOW_MS
}
