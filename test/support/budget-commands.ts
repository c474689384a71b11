/** Commands of the property test of the ledger: each acts on the ledger and on the model, and compares what they say. */

import assert from 'node:assert/strict'

import fc from 'fast-check'

import { isRefused, type AxisName, type BudgetLedger, type Demand, type Lease, type Refused } from '../../src/budget/index.ts'
import type { BudgetModel, ModelAttempt } from './budget-model.ts'

/** A ledger and the world around it. */
export interface BudgetWorld {
  /** The ledger to ask; a world with several gives one after the other. */
  ledger(): BudgetLedger
  advance(ms: number): Promise<void>
  /** No-ops where the store has nothing like it. */
  restart(kind: 'orderly' | 'crash'): Promise<boolean>
  stepWallClock(ms: number): void
}

export interface Real {
  readonly world: BudgetWorld
  readonly leases: Map<ModelAttempt, HeldBytes>
  /** The policy in force: a share of each limit. */
  policy: number
  attempts: number
}

/** A lease, and the bytes that it was given in all, before a reset too. */
interface HeldBytes {
  readonly lease: Lease
  readonly ledger: BudgetLedger
  bytes: number
}

type Command = fc.AsyncCommand<BudgetModel, Real>

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const LIMITS: Readonly<Partial<Record<AxisName, number>>> = { requests: 6, bytes: 700, destinations: 3, concurrent_requests: 3, retries_per_endpoint: 2, retries_per_tool: 2, wall_clock: 5 * MINUTE_MS }
const WINDOWS_MS: Readonly<Partial<Record<AxisName, number>>> = { requests: MINUTE_MS, bytes: 10 * MINUTE_MS, destinations: 2 * MINUTE_MS, concurrent_requests: 0, retries_per_endpoint: MINUTE_MS, retries_per_tool: 3 * MINUTE_MS, wall_clock: MINUTE_MS }
const KEYED = new Set<AxisName>(['destinations', 'retries_per_endpoint', 'retries_per_tool'])

interface Asked {
  readonly subject: string
  readonly axes: readonly AxisName[]
  readonly key: string
  readonly bytes: number
  readonly ttlMs: number
}

function demandsOf({ axes, key, bytes }: Asked, policy: number): Demand[] {
  return axes.map((axis) => ({
    axis,
    limit: Math.floor((LIMITS[axis] ?? 0) * policy),
    windowMs: WINDOWS_MS[axis] ?? 0,
    action: 'block',
    ...(KEYED.has(axis) && { key }),
    ...(axis === 'bytes' && { amount: bytes, atLeast: Math.min(bytes, 1) }),
  }))
}

/** What is granted must fit exactly; what is refused must not fit by the strict reading, and its wait must be true. */
function judge(model: BudgetModel, subject: string, demands: readonly Demand[], answer: Refused | undefined): void {
  const tooMuch = demands.filter((demand) => !model.fits(subject, demand, 'exact'))
  if (answer === undefined) {
    assert.deepEqual(tooMuch.map(({ axis }) => axis), [], 'granted above a limit')
    assert.ok(!model.frozen.has(subject), 'granted to a frozen subject')
    return
  }
  if (answer.cause === 'frozen') {
    assert.ok(model.frozen.has(subject))
    return
  }
  assert.equal(answer.cause, 'limit')
  const refused = demands.filter((demand) => answer.shortfalls.some(({ axis }) => axis === demand.axis))
  assert.ok(refused.length > 0 && tooMuch.every((demand) => refused.includes(demand)), 'a shortfall is not told')
  assert.deepEqual(refused.filter((demand) => model.fits(subject, demand, 'strict')), [], 'refused without reason')
  judgeWait(model, subject, demands, answer)
}

function judgeWait(model: BudgetModel, subject: string, demands: readonly Demand[], { waitMs }: Refused): void {
  if (typeof waitMs !== 'number') return
  const { nowMs } = model
  assert.ok(waitMs > 0)
  // What runs out of its time meanwhile would change the answer.
  if (model.attempts.some(({ end, untilMs }) => end === undefined && untilMs <= nowMs + waitMs)) return
  model.nowMs = nowMs + waitMs
  assert.deepEqual(demands.filter((demand) => !model.fits(subject, demand, 'exact')).map(({ axis }) => axis), [], `not after ${waitMs}`)
  model.nowMs = nowMs + waitMs - 1
  assert.ok(demands.some((demand) => !model.fits(subject, demand, 'strict')), `sooner than ${waitMs}`)
  model.nowMs = nowMs
}

function note(attempt: ModelAttempt, model: BudgetModel, axis: AxisName, amount: number): void {
  attempt.chunks.push({ axis, atMs: model.nowMs, gross: amount, net: amount, didCrash: false })
}

class Step implements Command {
  readonly #text: string
  readonly #act: (model: BudgetModel, real: Real) => Promise<void>

  constructor(text: string, act: (model: BudgetModel, real: Real) => Promise<void>) {
    this.#text = text
    this.#act = act
  }

  check(): boolean {
    return true
  }

  async run(model: BudgetModel, real: Real): Promise<void> {
    model.expire()
    await this.#act(model, real)
  }

  toString(): string {
    return this.#text
  }
}

function reserve(asked: Asked): Command {
  return new Step(`reserve ${JSON.stringify(asked)}`, async (model, real) => {
    const ledger = real.world.ledger()
    const demands = demandsOf(asked, real.policy)
    const answer = await ledger.reserve({ subject: asked.subject, attempt: `attempt-${real.attempts++}`, demands, ttlMs: asked.ttlMs })
    judge(model, asked.subject, demands, isRefused(answer) ? answer : undefined)
    if (isRefused(answer)) return
    const attempt = model.begin(asked.subject, demands, asked.ttlMs)
    for (const { axis } of demands) if (axis === 'requests' || axis === 'bytes') note(attempt, model, axis, answer.partial.get(axis) ?? 1)
    real.leases.set(attempt, { lease: answer.lease, ledger, bytes: answer.partial.get('bytes') ?? 0 })
  })
}

/** @returns one of the attempts whose lease was handed out, running or not */
function pick(real: Real, at: number): [ModelAttempt, HeldBytes] | undefined {
  const all = [...real.leases]
  return all[at % Math.max(1, all.length)]
}

function more(at: number, bytes: number): Command {
  return new Step(`more ${at} ${bytes}`, async (model, real) => {
    const [attempt, held] = pick(real, at) ?? []
    if (attempt === undefined || held === undefined) return
    const [demand] = demandsOf({ subject: '', axes: ['bytes'], key: '', bytes, ttlMs: 0 }, real.policy)
    const answer = await held.ledger.reserveMore(held.lease, demand!)
    if (attempt.end !== undefined) {
      assert.ok(isRefused(answer))
      return
    }
    judge(model, attempt.subject, [demand!], isRefused(answer) ? answer : undefined)
    if (isRefused(answer)) return
    held.bytes += answer.partial.get('bytes') ?? 0
    note(attempt, model, 'bytes', answer.partial.get('bytes') ?? 0)
  })
}

interface End {
  readonly at: number
  readonly kind: 'success' | 'failure' | 'refunded'
  readonly usedShare: number
  readonly reached: boolean
  readonly holdMs: number
}

function end({ at, kind, usedShare, reached, holdMs }: End): Command {
  return new Step(`end ${at} ${kind} ${usedShare} ${String(reached)} ${holdMs}`, async (model, real) => {
    const [attempt, held] = pick(real, at) ?? []
    if (attempt === undefined || held === undefined) return
    real.leases.delete(attempt)
    if (kind === 'refunded') await held.ledger.refund(held.lease)
    else {
      const bytes = Math.floor(held.bytes * usedShare)
      const outcome = kind === 'success' ? { kind } : { kind, retryAfterMs: holdMs }
      const used = { ...(held.bytes > 0 && { bytes }), ...(!reached && { destinations: 0 }) }
      await held.ledger.settle(held.lease, { outcome, used })
      giveBack(attempt, held.bytes - bytes)
    }
    noteEnd(model, attempt, { atMs: model.nowMs, no: model.next(), kind, holdMs: kind === 'failure' ? holdMs : 0, isTold: true }, reached && kind !== 'refunded')
  })
}

function giveBack(attempt: ModelAttempt, unused: number): void {
  let left = unused
  for (const chunk of attempt.chunks.toReversed()) {
    if (chunk.axis !== 'bytes') continue
    const back = Math.min(left, chunk.net)
    chunk.net -= back
    left -= back
  }
}

function noteEnd(model: BudgetModel, attempt: ModelAttempt, ending: NonNullable<ModelAttempt['end']>, wasReached: boolean): void {
  if (ending.kind === 'refunded') for (const chunk of attempt.chunks) chunk.net = 0
  const key = attempt.demands.find(({ axis }) => axis === 'destinations')?.key
  const later = model.attempts.filter((other) => other.startNo > attempt.startNo && other.subject === attempt.subject && other.demands.some((demand) => demand.axis === 'destinations' && demand.key === key))
  // Only who brought it can take it out, and only as long as no other used it.
  if (!wasReached && attempt.isNew && later.length === 0) attempt.usedDestination.value = false
  // Taken back after its time had run out: it has failed already.
  if (ending.kind !== 'refunded' || attempt.end === undefined) attempt.end = ending
  // Its time had run out before a reset: the late word counts all the same.
  if (!model.attempts.includes(attempt)) model.attempts.push(attempt)
}

const subject = fc.constantFrom('a', 'b')
const asked: fc.Arbitrary<Asked> = fc.record({
  subject,
  axes: fc.subarray<AxisName>(Object.keys(LIMITS) as AxisName[], { minLength: 1 }),
  key: fc.constantFrom('k1', 'k2', 'k3', 'k4', 'k5'),
  bytes: fc.integer({ min: 0, max: 300 }),
  ttlMs: fc.constantFrom(SECOND_MS, 10 * SECOND_MS, 14 * SECOND_MS),
})
const at = fc.nat({ max: 30 })

export const budgetCommands: fc.Arbitrary<Command>[] = [
  asked.map(reserve),
  asked.map((one) => reserve({ ...one, axes: ['requests', 'bytes', 'destinations'] })),
  fc.tuple(at, fc.integer({ min: 0, max: 300 })).map(([which, bytes]) => more(which, bytes)),
  fc.record({ at, kind: fc.constantFrom('success', 'failure', 'failure', 'refunded'), usedShare: fc.constantFrom(0, 0.3, 1), reached: fc.boolean(), holdMs: fc.constantFrom(0, 0, 20 * SECOND_MS) }).map(end),
  fc.constantFrom(1, 500, SECOND_MS, 7 * SECOND_MS, 31 * SECOND_MS, MINUTE_MS, 4 * MINUTE_MS).map((ms) => new Step(`advance ${ms}`, async (model, real) => {
    model.nowMs += ms
    await real.world.advance(ms)
  })),
  fc.constantFrom(0, 0.4, 1, 3).map((policy) => new Step(`reload ${policy}`, (_model, real) => {
    real.policy = policy
    return Promise.resolve()
  })),
  fc.constantFrom<('orderly' | 'crash')[]>('orderly', 'crash').map((kind) => new Step(`restart ${kind}`, async (model, real) => {
    if (!(await real.world.restart(kind))) return
    model.restart(kind)
    real.leases.clear()
  })),
  fc.constantFrom(-3_600_000, 3_600_000).map((ms) => new Step(`step ${ms}`, (_model, real) => {
    real.world.stepWallClock(ms)
    return Promise.resolve()
  })),
  fc.record({ subject, axis: fc.constantFrom<AxisName[]>('requests', 'bytes', 'destinations'), amount: fc.integer({ min: 1, max: 5 }) }).map((grant) => new Step(`grant ${JSON.stringify(grant)}`, async (model, real) => {
    const ttlMs = MINUTE_MS
    assert.equal(await real.world.ledger().grant(grant.subject, { id: `grant-${real.attempts++}`, axis: grant.axis, amount: grant.amount, ttlMs }), 'done')
    model.grants.push({ ...grant, untilMs: model.nowMs + ttlMs })
  })),
  subject.map((name) => new Step(`reset ${name}`, async (model, real) => {
    assert.equal(await real.world.ledger().reset(name), 'done')
    model.reset(name)
  })),
  fc.tuple(subject, fc.boolean()).map(([name, frozen]) => new Step(`freeze ${name} ${String(frozen)}`, async (model, real) => {
    assert.equal(await real.world.ledger().setFrozen(name, frozen), 'done')
    if (frozen) model.frozen.add(name)
    else model.frozen.delete(name)
  })),
]
