/**
 * What a budget means, said as simply as possible: a log of all attempts, and for each axis a function over it. Slow on
 * purpose. Two readings: `exact`, below which nothing may be granted, and `strict`, above which nothing may be refused; they
 * differ by one bucket of a sum, and after a crash by the credit and the given-back units that a crash may count as spent.
 */

import type { AxisName, Demand } from '../../src/budget/index.ts'

export type Reading = 'exact' | 'strict'

export interface ModelAttempt {
  readonly subject: string
  readonly demands: readonly Demand[]
  readonly startMs: number
  untilMs: number
  /** Order of events; starts and ends have different numbers. */
  readonly startNo: number
  /** Chunks of bytes, and single amounts of other sums, as granted. */
  readonly chunks: { readonly axis: AxisName; readonly atMs: number; readonly gross: number; net: number; didCrash: boolean }[]
  readonly retriesOf: Set<AxisName>
  end: { readonly atMs: number; readonly no: number; readonly kind: 'success' | 'failure' | 'refunded' | 'forgotten'; readonly holdMs: number; readonly isTold: boolean } | undefined
  readonly usedDestination: { value: boolean }
  /** Whether its destination was none before. */
  readonly isNew: boolean
}

interface ModelGrant {
  readonly subject: string
  readonly axis: AxisName
  readonly amount: number
  readonly untilMs: number
}

const BUCKETS = 60
const BLOCKS = 64

export class BudgetModel {
  nowMs = 0
  #no = 0
  attempts: ModelAttempt[] = []
  grants: ModelGrant[] = []
  readonly frozen = new Set<string>()
  readonly #resetNo = new Map<string, number>()
  /** Of destinations: moments that a crash may have moved to. */
  #crashes: { readonly atMs: number; readonly no: number }[] = []
  /** Credit that a crash may have counted as spent. */
  #lost: { readonly subject: string; readonly axis: AxisName; readonly atMs: number; readonly amount: number }[] = []

  next(): number {
    return ++this.#no
  }

  begin(subject: string, demands: readonly Demand[], ttlMs: number): ModelAttempt {
    const retriesOf = new Set(demands.filter((demand) => this.isRetry(subject, demand)).map(({ axis }) => axis))
    const attempt: ModelAttempt = { subject, demands, startMs: this.nowMs, untilMs: this.nowMs + ttlMs, startNo: this.next(), chunks: [], retriesOf, end: undefined, usedDestination: { value: true }, isNew: this.#bringsNew(subject, demands) }
    this.attempts.push(attempt)
    return attempt
  }

  #bringsNew(subject: string, demands: readonly Demand[]): boolean {
    return demands.some((demand) => demand.axis === 'destinations' && !this.keys(subject, demand, 'exact').has(demand.key ?? ''))
  }

  /** In an orderly end what runs counts as failed; a crash may forget it, and what ran out of its time. */
  restart(kind: 'orderly' | 'crash'): void {
    this.expire()
    for (const attempt of this.attempts) attempt.end ??= { atMs: this.nowMs, no: this.next(), kind: 'failure', holdMs: 0, isTold: false }
    if (kind === 'orderly') return
    this.#crashes.push({ atMs: this.nowMs, no: this.next() })
    for (const attempt of this.attempts) this.#crash(attempt)
  }

  #crash(attempt: ModelAttempt): void {
    if (attempt.end?.isTold === false) attempt.end = { ...attempt.end, kind: 'forgotten' }
    for (const chunk of attempt.chunks) chunk.didCrash = true
    for (const { axis, limit, amount = 1 } of attempt.demands) {
      const granted = this.grants.filter((grant) => grant.axis === axis).reduce((sum, grant) => sum + grant.amount, 0)
      this.#lose({ subject: attempt.subject, axis, atMs: this.nowMs, amount: Math.max(Math.ceil((limit + granted) / BLOCKS), amount) })
    }
  }

  /** One block per axis and crash. */
  #lose(entry: { subject: string; axis: AxisName; atMs: number; amount: number }): void {
    const at = this.#lost.findIndex((other) => other.subject === entry.subject && other.axis === entry.axis && other.atMs === entry.atMs)
    if (at === -1) this.#lost.push(entry)
    else this.#lost[at] = { ...entry, amount: Math.max(entry.amount, this.#lost[at]?.amount ?? 0) }
  }

  reset(subject: string): void {
    this.expire()
    for (const attempt of this.attempts) {
      if (attempt.subject !== subject) continue
      attempt.chunks.length = 0
      attempt.usedDestination.value = false
    }
    this.attempts = this.attempts.filter((attempt) => attempt.subject !== subject || attempt.end === undefined)
    this.#resetNo.set(subject, this.next())
    this.#lost = this.#lost.filter((lost) => lost.subject !== subject)
  }

  /** Attempts whose time has run out fail then. */
  expire(): void {
    for (const attempt of this.attempts) {
      if (attempt.untilMs <= this.nowMs) attempt.end ??= { atMs: attempt.untilMs, no: this.next(), kind: 'failure', holdMs: 0, isTold: false }
    }
  }

  bonus(subject: string, axis: AxisName): number {
    return this.grants.filter((grant) => grant.subject === subject && grant.axis === axis && grant.untilMs > this.nowMs).reduce((sum, { amount }) => sum + amount, 0)
  }

  /** Whether a demand fits by one of the readings. */
  fits(subject: string, demand: Demand, reading: Reading): boolean {
    const limit = demand.limit + this.bonus(subject, demand.axis)
    if (demand.axis === 'requests' || demand.axis === 'bytes') return this.sum(subject, demand, reading) + (demand.atLeast ?? demand.amount ?? 1) <= limit
    if (demand.axis === 'destinations') return this.#fitsSet(subject, demand, { limit, reading })
    if (demand.axis === 'concurrent_requests') return this.running(subject).filter(({ demands }) => demands.some(({ axis }) => axis === 'concurrent_requests')).length + 1 <= limit
    return demand.axis === 'wall_clock' ? this.elapsed(subject, demand, reading) < limit : this.#fitsRetry(subject, demand, { limit, reading })
  }

  #fitsSet(subject: string, demand: Demand, { limit, reading }: { limit: number; reading: Reading }): boolean {
    return this.keys(subject, demand, 'exact').has(demand.key ?? '') || this.keys(subject, demand, reading).size + 1 <= limit
  }

  sum(subject: string, { axis, windowMs }: Demand, reading: Reading): number {
    const slackMs = reading === 'exact' ? 0 : Math.ceil(windowMs / BUCKETS)
    const isLive = (atMs: number) => windowMs === 0 || atMs + windowMs + slackMs > this.nowMs
    const chunks = this.#of(subject).flatMap((attempt) => attempt.chunks).filter((chunk) => chunk.axis === axis && isLive(chunk.atMs))
    const spent = chunks.reduce((sum, { net, gross, didCrash }) => sum + (reading === 'strict' && didCrash ? gross : net), 0)
    const lost = this.#lost.filter((entry) => entry.subject === subject && entry.axis === axis && isLive(entry.atMs))
    return reading === 'exact' ? spent : spent + lost.reduce((sum, { amount }) => sum + amount, 0)
  }

  keys(subject: string, { axis, windowMs }: Demand, reading: Reading): Set<string> {
    const keys = new Set<string>()
    for (const { subject: own, demands, startMs, startNo, usedDestination } of this.attempts) {
      if (own !== subject) continue
      const key = demands.find((demand) => demand.axis === axis)?.key
      const crashMs = Math.max(startMs, ...(reading === 'strict' ? this.#crashes.filter(({ no }) => no > startNo).map(({ atMs }) => atMs) : []))
      if (key !== undefined && usedDestination.value && (windowMs === 0 || crashMs + windowMs > this.nowMs)) keys.add(key)
    }
    return keys
  }

  running(subject: string): ModelAttempt[] {
    this.expire()
    return this.#of(subject).filter(({ end }) => end === undefined)
  }

  elapsed(subject: string, { windowMs }: Demand, reading: Reading): number {
    let startedMs: number | undefined
    let lastMs = 0
    const isOver = (atMs: number) => windowMs > 0 && lastMs + windowMs <= atMs
    for (const { atMs, starts } of this.#touches(subject, reading)) {
      if (isOver(atMs)) startedMs = undefined
      if (starts) startedMs ??= atMs
      if (startedMs !== undefined) lastMs = Math.max(lastMs, atMs)
    }
    return startedMs === undefined || isOver(this.nowMs) ? 0 : this.nowMs - startedMs
  }

  /** Starts and ends of a session's attempts, in order; by the strict reading a crash is an activity, too. */
  #touches(subject: string, reading: Reading): { readonly atMs: number; readonly no: number; readonly starts: boolean }[] {
    const attempts = this.attempts.filter((attempt) => attempt.subject === subject && attempt.demands.some(({ axis }) => axis === 'wall_clock'))
    const starts = attempts.map(({ startMs, startNo }) => ({ atMs: startMs, no: startNo, starts: true }))
    const ends = attempts.flatMap(({ end }) => (end === undefined || end.kind === 'forgotten' || end.kind === 'refunded' ? [] : [{ atMs: end.atMs, no: end.no, starts: false }]))
    const crashes = reading === 'strict' ? this.#crashes.map((crash) => ({ ...crash, starts: false })) : []
    const sinceNo = this.#resetNo.get(subject) ?? 0
    return [...starts, ...ends, ...crashes].filter(({ no }) => no > sinceNo).sort((a, b) => a.no - b.no)
  }

  isRetry(subject: string, { axis, key, windowMs }: Demand): boolean {
    if (axis !== 'retries_per_tool' && axis !== 'retries_per_endpoint') return false
    const { since, history } = this.#history(subject, axis, key)
    return history.some(({ end, startNo }) => {
      if (end === undefined) return axis === 'retries_per_tool' && startNo > since
      return end.kind === 'failure' && end.no > since && end.atMs + windowMs > this.nowMs
    })
  }

  #fitsRetry(subject: string, demand: Demand, { limit, reading }: { limit: number; reading: Reading }): boolean {
    if (reading === 'strict' && this.#crashes.length > 0) return false
    const { since, history } = this.#history(subject, demand.axis, demand.key)
    const isHeld = history.some(({ end }) => end !== undefined && end.no > since && end.kind === 'failure' && end.atMs + end.holdMs > this.nowMs)
    if (isHeld) return false
    if (!this.isRetry(subject, demand)) return true
    const retries = history.filter(({ retriesOf, startNo, startMs }) => retriesOf.has(demand.axis) && startNo > since && startMs + demand.windowMs > this.nowMs)
    return retries.length + 1 <= limit
  }

  /** Attempts of a key that were not taken back, and the number of its last success. */
  #history(subject: string, axis: AxisName, key: string | undefined): { since: number; history: ModelAttempt[] } {
    this.expire()
    const history = this.#of(subject).filter(({ demands, end }) => end?.kind !== 'refunded' && demands.some((demand) => demand.axis === axis && demand.key === key))
    return { since: Math.max(this.#resetNo.get(subject) ?? 0, ...history.map(({ end }) => (end?.kind === 'success' ? end.no : 0))), history }
  }

  /** What was refunded never was. */
  #of(subject: string): ModelAttempt[] {
    return this.attempts.filter((attempt) => attempt.subject === subject && (attempt.end?.kind !== 'refunded' || attempt.chunks.some(({ didCrash }) => didCrash)))
  }
}
