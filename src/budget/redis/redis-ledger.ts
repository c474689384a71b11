/**
 * The ledger that replicas share through Redis/Valkey. Every decision is one script on one account; time is the store's. What
 * cannot be known (a late answer, a lost store) is never taken for a grant.
 */

import { randomUUID } from 'node:crypto'

import type { Clock } from '../../base/clock.ts'
import { AXIS_NAMES, type AxisName } from '../axis.ts'
import { requireSound, requireSoundDemand } from '../demand.ts'
import { isRefused, type BudgetLedger, type Change, type Demand, type Grant, type Granted, type Lease, type RefusalCause, type Refused, type ReserveRequest, type Settlement, type SoonOrLater, type SubjectUsage } from '../ledger.ts'
import { demandValues, IN_FLIGHT_AXES, keysOf, placeValues, resetKeysOf, tagOf } from './account-keys.ts'
import { LEASE_TTL_MS, LeaseKeeper } from './lease-keeper.ts'
import type { LocalShare } from './local-share.ts'
import { PendingEnds, type End } from './pending-ends.ts'
import type { SharedStore } from './shared-store.ts'
import { readGranted, readShort, readUsage } from './replies.ts'
import { StoreLease } from './store-lease.ts'

export interface RedisLedgerOptions {
  readonly clock: Clock
  readonly store: SharedStore
  /** Absent: while the store is away everything is refused. */
  readonly localShare?: LocalShare
  readonly onExpired?: (lease: Lease) => void
}

const ALL_OF_IT = -1
/** Values of an ending before those of its axes. */
const NO_HOLD = 0

export class RedisLedger implements BudgetLedger {
  /** Names this process in the leases that it holds. */
  readonly owner = randomUUID()
  readonly #clock: Clock
  readonly #store: SharedStore
  readonly #localShare: LocalShare | undefined
  readonly #leases: LeaseKeeper
  readonly #ends: PendingEnds

  constructor({ clock, store, localShare, onExpired }: RedisLedgerOptions) {
    this.#clock = clock
    this.#store = store
    this.#localShare = localShare
    this.#ends = new PendingEnds(store)
    this.#leases = new LeaseKeeper({ clock, renew: (subject, leases) => this.#renew(subject, leases), ...(onExpired !== undefined && { onExpired }) })
  }

  reserve(request: ReserveRequest): SoonOrLater<Granted | Refused> {
    requireSound(request)
    return this.#refusal(request) ?? this.#reserve(request)
  }

  reserveMore(lease: Lease, demand: Demand): SoonOrLater<Granted | Refused> {
    requireSoundDemand(demand)
    if (!(lease instanceof StoreLease)) return this.#localShare?.ledger.reserveMore(lease, this.#localShare.share(demand)) ?? refusedFor('limit')
    if (lease.state !== 'live') return refusedFor('limit')
    return this.#store.isOpen ? this.#take(lease, [demand], 'more') : refusedFor('store_unreachable')
  }

  settle(lease: Lease, { outcome, used = {} }: Settlement): SoonOrLater<void> {
    if (!(lease instanceof StoreLease)) return this.#localShare?.ledger.settle(lease, { outcome, used })
    const hold = outcome.kind === 'failure' ? (outcome.retryAfterMs ?? NO_HOLD) : NO_HOLD
    return this.#end(lease, [outcome.kind, hold], (axis) => used[axis] ?? ALL_OF_IT)
  }

  refund(lease: Lease): SoonOrLater<void> {
    if (!(lease instanceof StoreLease)) return this.#localShare?.ledger.refund(lease)
    return this.#end(lease, ['refunded', NO_HOLD], () => 0)
  }

  shorten(lease: Lease, ttlMs: number): SoonOrLater<void> {
    if (!(lease instanceof StoreLease)) return this.#localShare?.ledger.shorten(lease, ttlMs)
    lease.deadlineMs = Math.min(lease.deadlineMs, this.#clock.monotonicMs() + ttlMs)
    return this.#renew(lease.subject, [lease]).then(() => undefined)
  }

  async usage(): Promise<readonly SubjectUsage[] | RefusalCause> {
    try {
      const usage: SubjectUsage[] = []
      for (const subject of await this.#store.subjects()) {
        const places = AXIS_NAMES.map((axis) => ({ axis, key: '', windowMs: 0 }))
        const reply = await this.#store.run('read', subject, keysOf(this.#tag(subject), places), [places.length, ...places.flatMap((place) => placeValues(place, ALL_OF_IT))])
        if (reply[0] === 'ok') usage.push(readUsage(subject, reply))
      }
      return usage
    } catch {
      return 'store_unreachable'
    }
  }

  async setFrozen(subject: string, frozen: boolean): Promise<Change> {
    if (frozen) this.#store.noteFrozen(subject, true)
    const change = await this.#change(subject, [], [frozen ? 'freeze' : 'thaw'])
    if (change === 'done') this.#store.noteFrozen(subject, frozen)
    return change
  }

  grant(subject: string, { id, axis, amount, ttlMs }: Grant): Promise<Change> {
    return this.#change(subject, [], ['grant', id, axis, amount, ttlMs])
  }

  reset(subject: string, axis?: AxisName): Promise<Change> {
    const axes = (axis === undefined ? AXIS_NAMES : [axis]).filter((name) => !IN_FLIGHT_AXES.includes(name))
    return this.#change(subject, axes, ['reset', ...axes])
  }

  adopt(): Promise<Change> {
    return this.#store.adopt()
  }

  health(): 'ok' | RefusalCause {
    return this.#store.health()
  }

  async close(): Promise<void> {
    this.#leases.close()
    await this.#ends.drain()
    await this.#store.close()
    await this.#localShare?.ledger.close()
  }

  /** @returns what needs no store to be said */
  #refusal(request: ReserveRequest): SoonOrLater<Granted | Refused> | undefined {
    if (this.#store.isFrozen(request.subject) && !this.#store.isOpen) return refusedFor('frozen')
    if (!this.#store.isOpen) return this.#away(request)
    return this.#store.isLostFor(request.demands) ? refusedFor('store_lost') : undefined
  }

  #away(request: ReserveRequest): SoonOrLater<Granted | Refused> {
    if (this.#localShare === undefined) return refusedFor('store_unreachable')
    return this.#localShare.ledger.reserve({ ...request, demands: request.demands.map((demand) => this.#localShare?.share(demand) ?? demand) })
  }

  async #reserve(request: ReserveRequest): Promise<Granted | Refused> {
    const lease = new StoreLease(request, this.#clock.monotonicMs())
    const answer = await this.#take(lease, request.demands, 'new')
    if (!isRefused(answer)) {
      if (answer.lease === lease) this.#leases.add(lease)
      return answer
    }
    if (answer.cause !== 'store_unreachable') return answer
    // It may have been granted all the same: give it back as soon as the store answers.
    void this.#end(lease, ['refunded', NO_HOLD], () => 0)
    return this.#away(request)
  }

  async #take(lease: StoreLease, demands: readonly Demand[], mode: 'new' | 'more'): Promise<Granted | Refused> {
    for (const { axis, key = '', windowMs } of demands) lease.places.set(axis, { axis, key, windowMs })
    const values = [lease.attempt, this.owner, LEASE_TTL_MS, Math.max(1, Math.ceil(lease.deadlineMs - this.#clock.monotonicMs())), mode, demands.length, ...demands.flatMap(demandValues)]
    const places = demands.map(({ axis, key = '' }) => ({ axis, key }))
    try {
      const reply = await this.#store.run('reserve', lease.subject, keysOf(this.#tag(lease.subject), places), values)
      return this.#read(reply, demands, lease)
    } catch {
      return refusedFor('store_unreachable')
    }
  }

  #read(reply: readonly unknown[], demands: readonly Demand[], lease: StoreLease): Granted | Refused {
    this.#store.noteFrozen(lease.subject, reply[0] === 'frozen')
    if (reply[0] === 'ok') return readGranted(reply, demands, lease)
    if (reply[0] === 'limit') return readShort(reply, demands)
    if (reply[0] === 'again') return this.#readAgain(demands, lease.attempt)
    return refusedFor(CAUSES.get(reply[0]) ?? 'store_lost')
  }

  /** The same attempt was granted before, and by this process: a lease of another one is not handed out twice. */
  #readAgain(demands: readonly Demand[], attempt: string): Granted | Refused {
    const held = this.#leases.get(attempt)
    if (held === undefined) return refusedFor('limit')
    return { lease: held, partial: new Map(demands.flatMap(({ axis, atLeast }) => (atLeast === undefined ? [] : [[axis, atLeast] as const]))), crossings: [] }
  }

  #end(lease: StoreLease, how: readonly (string | number)[], usedOf: (axis: AxisName) => number): SoonOrLater<void> {
    if (lease.state === 'ended') return undefined
    lease.state = 'ended'
    this.#leases.delete(lease)
    const places = [...lease.places.values()]
    const end: End = {
      subject: lease.subject,
      keys: keysOf(this.#tag(lease.subject), places),
      values: [lease.attempt, ...how, places.length, ...places.flatMap((place) => placeValues(place, usedOf(place.axis)))],
    }
    return this.#ends.send(end)
  }

  async #renew(subject: string, leases: readonly StoreLease[]): Promise<readonly string[] | undefined> {
    if (!this.#store.isOpen) return undefined
    const places = IN_FLIGHT_AXES.map((axis) => ({ axis, key: '', windowMs: 0 }))
    const nowMs = this.#clock.monotonicMs()
    const left = leases.flatMap(({ attempt, deadlineMs }) => [attempt, Math.max(0, Math.ceil(deadlineMs - nowMs))])
    try {
      const values = [this.owner, LEASE_TTL_MS, places.length, ...places.flatMap((place) => placeValues(place, ALL_OF_IT)), ...left]
      const reply = await this.#store.run('renew', subject, keysOf(this.#tag(subject), places), values)
      return reply[0] === 'ok' ? reply.slice(1).map(String) : leases.map(({ attempt }) => attempt)
    } catch {
      return undefined
    }
  }

  async #change(subject: string, axes: readonly AxisName[], values: readonly (string | number)[]): Promise<Change> {
    try {
      const reply = await this.#store.run('change', subject, resetKeysOf(this.#tag(subject), axes), values)
      return reply[0] === 'ok' ? 'done' : (CAUSES.get(reply[0]) ?? 'store_lost')
    } catch {
      return 'store_unreachable'
    }
  }

  #tag(subject: string): string {
    return tagOf(this.#store.namespace, subject)
  }
}

/** What a script says when it grants nothing. */
const CAUSES: ReadonlyMap<unknown, RefusalCause> = new Map([
  ['frozen', 'frozen'],
  ['capacity', 'capacity'],
  ['epoch', 'store_lost'],
  ['ended', 'limit'],
])

function refusedFor(cause: RefusalCause): Refused {
  return { cause, shortfalls: [], waitMs: cause === 'limit' || cause === 'frozen' ? 'never' : 'unknown' }
}
