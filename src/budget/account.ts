/** The account of one subject in memory: its meters, leases, grants. Everything in one turn of the event loop; no I/O, no clock. */

import type { AxisName } from './axis.ts'
import { checkDemands, isShort, type Fit } from './check-demands.ts'
import { NO_CREDIT, type Credit, type CreditFor } from './credits/credit.ts'
import { Grants } from './grants.ts'
import { HeldLease, NO_CROSSINGS } from './held-lease.ts'
import type { AxisUsage, Crossing, Demand, Granted, Refused, ReserveRequest, Settlement } from './ledger.ts'
import { createMeter } from './meters/create-meter.ts'
import type { Ending, Meter, Take } from './meters/meter.ts'
import { SumMeter } from './meters/sum.ts'
import type { Fact, Row } from './row.ts'

/** Admitted, but nothing is taken yet: these rows must be durable first. */
export interface Uncovered {
  readonly rows: readonly Row[]
}

export interface AccountOptions {
  readonly subject: string
  /** How what is taken becomes durable before it is taken; absent: not at all. */
  readonly creditFor?: CreditFor
  /** A lease outlived its time: its process or its transport failed to end it. */
  readonly onExpired?: (lease: HeldLease) => void
}

/** What stands behind one axis: what counts it, and what of it is durable. */
interface Counter {
  readonly meter: Meter
  readonly credit: Credit
}

export class Account {
  readonly subject: string
  readonly grants = new Grants()
  frozen = false
  /** Attempts that wait for something durable. */
  waiting = 0
  /** What should become durable without anybody waiting; whoever writes it empties it. */
  readonly behind: Row[] = []
  readonly #options: AccountOptions
  readonly #counters = new Map<AxisName, Counter>()
  readonly #leases = new Map<string, HeldLease>()
  /** Axes over their limit in warn mode. */
  readonly #crossed = new Set<AxisName>()
  #nextExpiryMs = Infinity

  constructor(options: AccountOptions) {
    this.#options = options
    this.subject = options.subject
  }

  get leases(): Iterable<HeldLease> {
    return this.#leases.values()
  }

  reserve(request: ReserveRequest, nowMs: number): Granted | Refused | Uncovered {
    this.expireLeases(nowMs)
    const before = this.#leases.get(request.attempt)
    if (before !== undefined) return before.granted
    const lease = new HeldLease(this.subject, request.attempt, nowMs + request.ttlMs)
    const refusal = this.#takeAll(lease, request.demands, nowMs)
    if (refusal !== undefined) return refusal
    this.#leases.set(lease.attempt, lease)
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, lease.untilMs)
    return lease.granted
  }

  reserveMore(lease: HeldLease, demand: Demand, nowMs: number): Granted | Refused | Uncovered {
    this.expireLeases(nowMs)
    if (lease.state !== 'live') return { cause: 'limit', shortfalls: [], waitMs: 'never' }
    const taken = lease.takes.length
    const refusal = this.#takeAll(lease, [demand], nowMs)
    if (refusal !== undefined) return refusal
    if (lease.takes.length > taken) lease.joinNewest((aMs, bMs) => this.#isSameBucket(demand.axis, aMs, bMs))
    return lease.granted
  }

  settle(lease: HeldLease, settlement: Settlement, nowMs: number): void {
    this.expireLeases(nowMs)
    if (!this.#forget(lease)) return
    lease.end(settlement, (take, ending) => {
      this.#end(take, ending, nowMs)
    })
  }

  refund(lease: HeldLease, nowMs: number): void {
    this.expireLeases(nowMs)
    if (!this.#forget(lease)) return
    for (const take of lease.takes.toReversed()) this.#end(take, { kind: 'refunded' }, nowMs)
  }

  shorten(lease: HeldLease, untilMs: number): void {
    lease.untilMs = Math.min(lease.untilMs, untilMs)
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, lease.untilMs)
  }

  /** Releases what attempts hold whose time has run out. */
  expireLeases(nowMs: number): void {
    if (nowMs < this.#nextExpiryMs) return
    this.#nextExpiryMs = Infinity
    const late = []
    for (const lease of this.#leases.values()) {
      if (lease.untilMs <= nowMs) late.push(lease)
      else this.#nextExpiryMs = Math.min(this.#nextExpiryMs, lease.untilMs)
    }
    for (const lease of late.sort((a, b) => a.untilMs - b.untilMs)) this.#expire(lease, nowMs)
  }

  counter(axis: AxisName): Counter {
    let counter = this.#counters.get(axis)
    if (counter === undefined) {
      const meter = createMeter(axis)
      counter = { meter, credit: this.#options.creditFor?.(axis, meter) ?? NO_CREDIT }
      this.#counters.set(axis, counter)
    }
    return counter
  }

  /** @param axis absent: all */
  reset(axis: AxisName | undefined, nowMs: number): void {
    this.expireLeases(nowMs)
    for (const [name, { meter, credit }] of this.#counters) {
      if (axis !== undefined && name !== axis) continue
      meter.reset()
      credit.reset()
    }
  }

  usage(nowMs: number): AxisUsage[] {
    return Array.from(this.#counters, ([axis, { meter }]) => ({
      axis,
      used: meter.total(nowMs),
      windowMs: meter instanceof SumMeter ? meter.window.windowMs : 0,
      granted: this.grants.bonus(axis, nowMs),
    }))
  }

  /** Puts a fact that was read back where it belongs. */
  restore(row: Row, nowMs: number): void {
    if (row.kind === 'frozen') this.frozen = row.frozen
    else if (row.kind === 'grant') this.grants.add(row, nowMs)
    else if (row.kind === 'reset') this.reset(row.axis ?? undefined, nowMs)
    else this.counter(row.axis).credit.restore(row, nowMs)
  }

  /** Told once rows are durable. */
  confirm(rows: readonly Row[]): void {
    for (const row of rows) if ('axis' in row && row.axis !== null) this.counter(row.axis).credit.confirm(row)
  }

  /** @returns all that is to be kept */
  snapshot(nowMs: number): Row[] {
    this.expireLeases(nowMs)
    const facts: Fact[] = this.frozen ? [{ kind: 'frozen', frozen: true }] : []
    for (const grant of this.grants.live(nowMs)) facts.push({ kind: 'grant', ...grant })
    for (const { credit } of this.#counters.values()) facts.push(...credit.snapshot(nowMs))
    return facts.map((fact) => ({ ...fact, subject: this.subject }))
  }

  /** Before the last snapshot: nobody will say how what runs ended, and what is durable ahead of its use is given back. */
  close(nowMs: number): void {
    this.expireLeases(nowMs)
    for (const lease of this.#leases.values()) this.#expire(lease, nowMs)
    for (const { credit } of this.#counters.values()) credit.reset()
  }

  /** Whether it can be forgotten without forgetting anything. */
  isEmpty(nowMs: number): boolean {
    this.expireLeases(nowMs)
    if (this.waiting > 0 || this.frozen || this.#leases.size > 0 || this.grants.live(nowMs).length > 0) return false
    for (const { meter } of this.#counters.values()) if (meter.total(nowMs) !== 0) return false
    return true
  }

  #takeAll(lease: HeldLease, demands: readonly Demand[], nowMs: number): Refused | Uncovered | undefined {
    if (this.frozen) return { cause: 'frozen', shortfalls: [], waitMs: 'never' }
    const fits = checkDemands(this, demands, nowMs)
    if (isShort(fits)) return fits
    const rows = this.#uncovered(fits, nowMs)
    if (rows !== undefined) return { rows }
    lease.crossings = this.#noteCrossings(fits)
    for (const fit of fits) this.#take(lease, fit, nowMs)
    return undefined
  }

  #uncovered(fits: readonly Fit[], nowMs: number): Row[] | undefined {
    let rows: Row[] | undefined
    for (const fit of fits) {
      for (const fact of this.counter(fit.demand.axis).credit.cover(fit, nowMs, Math.max(1, this.waiting))) (rows ??= []).push({ ...fact, subject: this.subject })
    }
    return rows
  }

  #take(lease: HeldLease, fit: Fit, nowMs: number): void {
    const { demand, amount } = fit
    const { meter, credit } = this.counter(demand.axis)
    credit.spend(fit)
    const take: Take = { axis: demand.axis, key: demand.key ?? '', attempt: lease.attempt, atMs: nowMs, amount, era: 0 }
    meter.take(demand, take, lease)
    if (demand.atLeast !== undefined) lease.notePartial(demand.axis, amount)
    lease.takes.push(take)
  }

  #isSameBucket(axis: AxisName, aMs: number, bMs: number): boolean {
    const { meter } = this.counter(axis)
    return meter instanceof SumMeter && meter.window.bucketAt(aMs) === meter.window.bucketAt(bMs)
  }

  #noteCrossings(fits: readonly Fit[]): readonly Crossing[] {
    if (this.#crossed.size === 0 && fits.every(isWithin)) return NO_CROSSINGS
    const crossings: Crossing[] = []
    for (const { demand, over } of fits) {
      if (over === undefined) this.#crossed.delete(demand.axis)
      else crossings.push({ ...over, isFirst: !this.#crossed.has(demand.axis) })
      if (over !== undefined) this.#crossed.add(demand.axis)
    }
    return crossings
  }

  #expire(lease: HeldLease, nowMs: number): void {
    this.#leases.delete(lease.attempt)
    lease.state = 'expired'
    for (const take of lease.takes) this.#end(take, { kind: 'expired' }, Math.min(lease.untilMs, nowMs))
    this.#options.onExpired?.(lease)
  }

  /** @returns whether it is still to be ended */
  #forget(lease: HeldLease): boolean {
    if (lease.state === 'ended') return false
    this.#leases.delete(lease.attempt)
    lease.state = 'ended'
    return true
  }

  #end(take: Take, ending: Ending, nowMs: number): void {
    const { meter, credit } = this.counter(take.axis)
    meter.end(take, ending, nowMs)
    for (const fact of credit.changed(take, nowMs)) this.behind.push({ ...fact, subject: this.subject })
  }
}

function isWithin({ over }: Fit): boolean {
  return over === undefined
}
