/** Counts per key of a sliding window: identical calls whatever became of them, and failures in a row. */

import type { Demand } from '../ledger.ts'
import { firstRoomMs, leavesAtMs } from './first-room.ts'
import { KeyStates } from './key-states.ts'
import type { Ending, LimitAt, Meter, Moment, Take } from './meter.ts'

/** Moments remembered per key; limits beyond it are never reached. */
const MAX_TIMES_KEPT = 1000

export class RepeatMeter implements Meter {
  readonly states = new KeyStates<{ timesMs: number[] }>(() => ({ timesMs: [] }))
  #windowMs = 0

  used({ key = '', windowMs }: Demand, nowMs: number): number {
    this.#windowMs = windowMs
    const state = this.states.find(key)
    if (state === undefined) return 0
    state.timesMs = state.timesMs.filter((atMs) => leavesAtMs(atMs, windowMs) > nowMs)
    if (state.timesMs.length === 0) this.states.delete(key)
    return state.timesMs.length
  }

  firstFitMs({ key = '', windowMs }: Demand, fromMs: number, limitAt: LimitAt): Moment {
    const leaving = (this.states.find(key)?.timesMs ?? []).map((timeMs) => ({ atMs: leavesAtMs(timeMs, windowMs), amount: 1 }))
    return firstRoomMs(leaving, fromMs, (left, atMs) => left + 1 <= limitAt(atMs))
  }

  take(_demand: Demand, { key, atMs }: Take): void {
    const { timesMs } = this.states.touch(key)
    timesMs.push(atMs)
    if (timesMs.length > MAX_TIMES_KEPT) timesMs.shift()
  }

  end({ key, atMs }: Take, ending: Ending): void {
    const times = this.states.find(key)?.timesMs
    if (ending.kind !== 'refunded' || times === undefined) return
    const at = times.indexOf(atMs)
    if (at !== -1) times.splice(at, 1)
    if (times.length === 0) this.states.delete(key)
  }

  hasRoom({ key = '' }: Demand, nowMs: number): boolean {
    return this.states.hasRoom(key, (state) => this.#isEmpty(state.timesMs, nowMs))
  }

  reset(): void {
    for (const [key] of this.states.entries()) this.states.delete(key)
  }

  total(nowMs: number): number {
    return this.states.sweep((state) => this.#isEmpty(state.timesMs, nowMs))
  }

  #isEmpty(timesMs: readonly number[], nowMs: number): boolean {
    return timesMs.every((atMs) => leavesAtMs(atMs, this.#windowMs) <= nowMs)
  }
}

interface FailureState {
  failures: number
  lastFailureMs: number
  readonly running: Set<string>
}

/** After the first failure, what runs is taken to fail: so never more than the limit fail in a row, however many run at once from then on. */
export class FailuresInRowMeter implements Meter {
  readonly states = new KeyStates<FailureState>(() => ({ failures: 0, lastFailureMs: 0, running: new Set() }))
  #windowMs = 0

  used({ key = '', windowMs }: Demand, nowMs: number): number {
    this.#windowMs = windowMs
    const state = this.states.find(key)
    if (state === undefined) return 0
    if (leavesAtMs(state.lastFailureMs, windowMs) <= nowMs) state.failures = 0
    return state.failures
  }

  firstFitMs({ key = '', windowMs }: Demand, fromMs: number, limitAt: LimitAt): Moment {
    if (limitAt(fromMs) === 0) return Infinity
    const state = this.states.find(key)
    if (state === undefined || state.failures === 0 || state.failures + state.running.size < limitAt(fromMs)) return fromMs
    return Math.max(fromMs, leavesAtMs(state.lastFailureMs, windowMs))
  }

  take(_demand: Demand, { key, attempt }: Take): void {
    this.states.touch(key).running.add(attempt)
  }

  end({ key, attempt }: Take, ending: Ending, nowMs: number): void {
    const state = this.states.touch(key)
    state.running.delete(attempt)
    if (ending.kind === 'settled' && ending.outcome.kind === 'success') state.failures = 0
    else if (ending.kind !== 'refunded') {
      state.failures++
      state.lastFailureMs = nowMs
    }
    if (state.failures === 0 && state.running.size === 0) this.states.delete(key)
  }

  hasRoom({ key = '' }: Demand, nowMs: number): boolean {
    return this.states.hasRoom(key, (state) => this.#isEmpty(state, nowMs))
  }

  reset(): void {
    for (const [, state] of this.states.entries()) state.failures = 0
  }

  total(nowMs: number): number {
    return this.states.sweep((state) => this.#isEmpty(state, nowMs))
  }

  #isEmpty({ running, failures, lastFailureMs }: FailureState, nowMs: number): boolean {
    return running.size === 0 && (failures === 0 || leavesAtMs(lastFailureMs, this.#windowMs) <= nowMs)
  }
}
