/**
 * Retries of a key: attempts inside the window after a failure, with no success since. For tools an attempt beside one
 * whose outcome is unknown is a retry, too. What the other side asked to wait is kept even where retries are left.
 */

import type { Demand } from '../ledger.ts'
import { firstRoomMs, leavesAtMs } from './first-room.ts'
import { KeyStates } from './key-states.ts'
import type { KeyRecord } from '../row.ts'
import type { Ending, KeyedMeter, LimitAt, Moment, Span, Take } from './meter.ts'

interface Running {
  readonly span: Span
  /** Whether there was no success since it began. */
  isDoubtful: boolean
}

interface RetryState {
  lastFailureMs: number
  holdUntilMs: number
  retriesAtMs: number[]
  readonly running: Map<string, Running>
}

/** Retries remembered per key; limits beyond it are never reached. */
const MAX_RETRIES_KEPT = 1000

export class RetryMeter implements KeyedMeter {
  readonly #states = new KeyStates<RetryState>(() => ({ lastFailureMs: -Infinity, holdUntilMs: 0, retriesAtMs: [], running: new Map() }))
  readonly #countsDoubtful: boolean
  windowMs = 0

  constructor(countsDoubtful: boolean) {
    this.#countsDoubtful = countsDoubtful
  }

  used({ key = '', windowMs }: Demand, nowMs: number): number {
    this.windowMs = windowMs
    const state = this.#states.find(key)
    if (state === undefined) return 0
    if (this.#isEmpty(state, nowMs)) this.#states.delete(key)
    state.retriesAtMs = state.retriesAtMs.filter((atMs) => leavesAtMs(atMs, windowMs) > nowMs)
    return state.retriesAtMs.length
  }

  firstFitMs({ key = '', windowMs }: Demand, fromMs: number, limitAt: LimitAt): Moment {
    const state = this.#states.find(key)
    if (state === undefined) return fromMs
    const atMs = Math.max(fromMs, state.holdUntilMs)
    const calmAtMs = this.#calmAtMs(state, windowMs)
    if (calmAtMs <= atMs) return atMs
    const leaving = state.retriesAtMs.map((retryMs) => ({ atMs: leavesAtMs(retryMs, windowMs), amount: 1 }))
    return Math.min(calmAtMs, firstRoomMs(leaving, atMs, (left, thenMs) => left + 1 <= limitAt(thenMs)))
  }

  take({ windowMs }: Demand, take: Take, span: Span): void {
    const state = this.#states.touch(take.key)
    const isRetry = this.#calmAtMs(state, windowMs) > take.atMs
    take.amount = isRetry ? 1 : 0
    if (isRetry) state.retriesAtMs.push(take.atMs)
    if (state.retriesAtMs.length > MAX_RETRIES_KEPT) state.retriesAtMs.shift()
    state.running.set(take.attempt, { span, isDoubtful: true })
  }

  end(take: Take, ending: Ending, nowMs: number): void {
    if (ending.kind === 'refunded') this.#undo(take)
    else if (ending.kind === 'settled' && ending.outcome.kind === 'success') this.#succeed(take)
    else this.#fail(take, ending, nowMs)
  }

  hasRoom({ key = '' }: Demand, nowMs: number): boolean {
    return this.#states.hasRoom(key, (state) => this.#isEmpty(state, nowMs))
  }

  reset(): void {
    for (const [key, state] of this.#states.entries()) this.#clear(key, state)
  }

  total(nowMs: number): number {
    return this.#states.sweep((state) => this.#isEmpty(state, nowMs))
  }

  keys(): string[] {
    return this.#states.keys()
  }

  doesCount({ key = '', windowMs }: Demand, nowMs: number): boolean {
    const state = this.#states.find(key)
    return state !== undefined && this.#calmAtMs(state, windowMs) > nowMs
  }

  record(key: string, prepaidUntilMs?: number): KeyRecord | null {
    const state = this.#states.find(key)
    if (state === undefined) return null
    const { lastFailureMs, holdUntilMs, retriesAtMs } = state
    const timesMs = prepaidUntilMs === undefined ? retriesAtMs : [...retriesAtMs, prepaidUntilMs]
    const hasFailed = lastFailureMs !== -Infinity
    if (!hasFailed && timesMs.length === 0 && holdUntilMs === 0) return null
    // A retry that comes beside a doubtful attempt: after a crash nobody can say that it did not fail.
    const failureMs = hasFailed ? lastFailureMs : (prepaidUntilMs ?? 0)
    return { timesMs, failures: 0, lastFailureMs: failureMs, holdUntilMs }
  }

  restore(key: string, record: KeyRecord | null, { windowMs, nowMs }: { windowMs: number; nowMs: number }): void {
    this.windowMs = windowMs
    this.#states.delete(key)
    if (record === null) return
    const state = this.#states.touch(key)
    state.lastFailureMs = record.lastFailureMs === 0 ? -Infinity : Math.min(record.lastFailureMs, nowMs)
    state.holdUntilMs = record.holdUntilMs
    state.retriesAtMs = record.timesMs.map((atMs) => Math.min(atMs, nowMs))
  }

  /** @returns when an attempt is no retry any more, if nothing else happens: what runs is taken to fail when its time runs out */
  #calmAtMs({ lastFailureMs, running }: RetryState, windowMs: number): Moment {
    let calmAtMs = leavesAtMs(lastFailureMs, windowMs)
    if (lastFailureMs === -Infinity) calmAtMs = -Infinity
    const untils = Array.from(running.values()).sort((a, b) => a.span.untilMs - b.span.untilMs)
    for (const { span, isDoubtful } of untils) {
      const { untilMs } = span
      const counts = (this.#countsDoubtful && isDoubtful) || untilMs < calmAtMs
      if (counts) calmAtMs = Math.max(calmAtMs, leavesAtMs(untilMs, windowMs))
    }
    return calmAtMs
  }

  #undo(take: Take): void {
    const state = this.#states.find(take.key)
    if (state === undefined) return
    // One whose time ran out has failed already.
    if (!state.running.delete(take.attempt)) return
    const at = take.amount === 1 ? state.retriesAtMs.indexOf(take.atMs) : -1
    if (at !== -1) state.retriesAtMs.splice(at, 1)
    if (this.#isEmpty(state, take.atMs)) this.#states.delete(take.key)
  }

  #succeed(take: Take): void {
    const state = this.#states.find(take.key)
    if (state === undefined) return
    state.running.delete(take.attempt)
    this.#clear(take.key, state)
  }

  #fail(take: Take, ending: Ending, nowMs: number): void {
    const state = this.#states.touch(take.key)
    state.running.delete(take.attempt)
    state.lastFailureMs = Math.max(state.lastFailureMs, nowMs)
    if (ending.kind !== 'settled' || ending.outcome.kind !== 'failure') return
    state.holdUntilMs = Math.max(state.holdUntilMs, nowMs + (ending.outcome.retryAfterMs ?? 0))
  }

  #clear(key: string, state: RetryState): void {
    state.lastFailureMs = -Infinity
    state.holdUntilMs = 0
    state.retriesAtMs = []
    for (const running of state.running.values()) running.isDoubtful = false
    if (state.running.size === 0) this.#states.delete(key)
  }

  #isEmpty({ lastFailureMs, holdUntilMs, running }: RetryState, nowMs: number): boolean {
    const isCalm = lastFailureMs === -Infinity || leavesAtMs(lastFailureMs, this.windowMs) <= nowMs
    return running.size === 0 && holdUntilMs <= nowMs && isCalm
  }
}
