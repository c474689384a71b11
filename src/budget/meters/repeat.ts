/** Counts per key of a sliding window: identical calls whatever became of them, and failures in a row. */

import type { Demand } from '../ledger.ts'
import { firstRoomMs, leavesAtMs } from './first-room.ts'
import { KeyStates } from './key-states.ts'
import type { KeyRecord } from '../row.ts'
import type { Ending, KeyedMeter, LimitAt, Moment, Take } from './meter.ts'

/** Moments remembered per key; limits beyond it are never reached. */
const MAX_TIMES_KEPT = 1000

export class RepeatMeter implements KeyedMeter {
  readonly #states = new KeyStates<{ timesMs: number[] }>(() => ({ timesMs: [] }))
  windowMs = 0
  #era = 0

  used({ key = '', windowMs }: Demand, nowMs: number): number {
    this.windowMs = windowMs
    const state = this.#states.find(key)
    if (state === undefined) return 0
    state.timesMs = state.timesMs.filter((atMs) => leavesAtMs(atMs, windowMs) > nowMs)
    if (state.timesMs.length === 0) this.#states.delete(key)
    return state.timesMs.length
  }

  firstFitMs({ key = '', windowMs }: Demand, fromMs: number, limitAt: LimitAt): Moment {
    const leaving = (this.#states.find(key)?.timesMs ?? []).map((timeMs) => ({ atMs: leavesAtMs(timeMs, windowMs), amount: 1 }))
    return firstRoomMs(leaving, fromMs, (left, atMs) => left + 1 <= limitAt(atMs))
  }

  take(_demand: Demand, take: Take): void {
    const { timesMs } = this.#states.touch(take.key)
    take.era = this.#era
    timesMs.push(take.atMs)
    if (timesMs.length > MAX_TIMES_KEPT) timesMs.shift()
  }

  end({ key, atMs, era }: Take, ending: Ending): void {
    const times = this.#states.find(key)?.timesMs
    if (ending.kind !== 'refunded' || era !== this.#era || times === undefined) return
    const at = times.indexOf(atMs)
    if (at !== -1) times.splice(at, 1)
    if (times.length === 0) this.#states.delete(key)
  }

  hasRoom({ key = '' }: Demand, nowMs: number): boolean {
    return this.#states.hasRoom(key, (state) => this.#isEmpty(state.timesMs, nowMs))
  }

  reset(): void {
    for (const [key] of this.#states.entries()) this.#states.delete(key)
    this.#era++
  }

  total(nowMs: number): number {
    return this.#states.sweep((state) => this.#isEmpty(state.timesMs, nowMs))
  }

  keys(): string[] {
    return this.#states.keys()
  }

  /** The first call is no repeat. */
  doesCount({ key = '' }: Demand): boolean {
    return (this.#states.find(key)?.timesMs.length ?? 0) > 0
  }

  record(key: string, prepaidUntilMs?: number): KeyRecord | null {
    const times = this.#states.find(key)?.timesMs ?? []
    const timesMs = prepaidUntilMs === undefined ? times : [...times, prepaidUntilMs]
    return timesMs.length === 0 ? null : { timesMs, failures: 0, lastFailureMs: 0, holdUntilMs: 0 }
  }

  restore(key: string, record: KeyRecord | null, { windowMs, nowMs }: { windowMs: number; nowMs: number }): void {
    this.windowMs = windowMs
    this.#states.delete(key)
    if (record !== null) this.#states.touch(key).timesMs = record.timesMs.map((atMs) => Math.min(atMs, nowMs))
  }

  #isEmpty(timesMs: readonly number[], nowMs: number): boolean {
    return timesMs.every((atMs) => leavesAtMs(atMs, this.windowMs) <= nowMs)
  }
}

interface FailureState {
  failures: number
  lastFailureMs: number
  readonly running: Set<string>
}

/** After the first failure, what runs is taken to fail: so never more than the limit fail in a row, however many run at once from then on. */
export class FailuresInRowMeter implements KeyedMeter {
  readonly #states = new KeyStates<FailureState>(() => ({ failures: 0, lastFailureMs: 0, running: new Set() }))
  windowMs = 0

  used({ key = '', windowMs }: Demand, nowMs: number): number {
    this.windowMs = windowMs
    const state = this.#states.find(key)
    if (state === undefined) return 0
    if (leavesAtMs(state.lastFailureMs, windowMs) <= nowMs) state.failures = 0
    return state.failures
  }

  firstFitMs({ key = '', windowMs }: Demand, fromMs: number, limitAt: LimitAt): Moment {
    if (limitAt(fromMs) === 0) return Infinity
    const state = this.#states.find(key)
    if (state === undefined || state.failures === 0 || state.failures + state.running.size < limitAt(fromMs)) return fromMs
    return Math.max(fromMs, leavesAtMs(state.lastFailureMs, windowMs))
  }

  take(_demand: Demand, { key, attempt }: Take): void {
    this.#states.touch(key).running.add(attempt)
  }

  end({ key, attempt }: Take, ending: Ending, nowMs: number): void {
    const state = this.#states.touch(key)
    state.running.delete(attempt)
    if (ending.kind === 'settled' && ending.outcome.kind === 'success') state.failures = 0
    else if (ending.kind !== 'refunded') {
      state.failures++
      state.lastFailureMs = nowMs
    }
    if (state.failures === 0 && state.running.size === 0) this.#states.delete(key)
  }

  hasRoom({ key = '' }: Demand, nowMs: number): boolean {
    return this.#states.hasRoom(key, (state) => this.#isEmpty(state, nowMs))
  }

  reset(): void {
    for (const [, state] of this.#states.entries()) state.failures = 0
  }

  total(nowMs: number): number {
    return this.#states.sweep((state) => this.#isEmpty(state, nowMs))
  }

  keys(): string[] {
    return this.#states.keys()
  }

  doesCount({ key = '' }: Demand): boolean {
    return (this.#states.find(key)?.failures ?? 0) > 0
  }

  /** What runs, and what is prepaid, is taken to fail: after a crash nobody can say that it did not. */
  record(key: string, prepaidUntilMs?: number): KeyRecord | null {
    const state = this.#states.find(key)
    if (state === undefined || state.failures === 0) return null
    if (prepaidUntilMs === undefined) return { timesMs: [], failures: state.failures, lastFailureMs: state.lastFailureMs, holdUntilMs: 0 }
    return { timesMs: [], failures: state.failures + state.running.size + 1, lastFailureMs: prepaidUntilMs, holdUntilMs: 0 }
  }

  restore(key: string, record: KeyRecord | null, { windowMs, nowMs }: { windowMs: number; nowMs: number }): void {
    this.windowMs = windowMs
    this.#states.delete(key)
    if (record === null) return
    const state = this.#states.touch(key)
    state.failures = record.failures
    state.lastFailureMs = Math.min(record.lastFailureMs, nowMs)
  }

  #isEmpty({ running, failures, lastFailureMs }: FailureState, nowMs: number): boolean {
    return running.size === 0 && (failures === 0 || leavesAtMs(lastFailureMs, this.windowMs) <= nowMs)
  }
}
