/** The paths of the admin listener about budgets: what is used, and what an operator may change. */

import { int, strictObject, boolean, string } from 'zod'

import type { BudgetAction } from '../model/audit-event.ts'
import { jsonAnswer, problemAnswer, type AdminAnswer } from './admin-answer.ts'
import { readJsonBody } from './admin-body.ts'
import { actionEvent, type AdminCall, type AdminRoute } from './admin-call.ts'
import type { AdminSources, BudgetResult } from './admin-sources.ts'

const PREFIX = '/api/v1/budgets'
const PATTERN = /^\/api\/v1\/budgets\/([A-Za-z0-9._-]{1,64})(\/grants|\/reset|\/freeze)?$/
const MAX_AXIS_LENGTH = 64
const MAX_TTL_SECONDS = 31_536_000
const MAX_AMOUNT = 1_099_511_627_776

const axisName = string().min(1).max(MAX_AXIS_LENGTH)
const grantOrder = strictObject({ axis: axisName, amount: int().min(1).max(MAX_AMOUNT), ttl_seconds: int().min(1).max(MAX_TTL_SECONDS) })
const resetOrder = strictObject({ axis: axisName.optional() })
const freezeOrder = strictObject({ frozen: boolean() })
const adoptOrder = strictObject({})

interface Order {
  /** The profile in the path; '' where the path names none. */
  readonly agent: string
  readonly call: AdminCall
}

export function budgetRoutes(sources: AdminSources): (readonly [string, AdminRoute])[] {
  const { budgets } = sources
  const show = async ({ agent }: Order): Promise<AdminAnswer> => {
    const shown = await budgets.show(agent === '' ? undefined : agent)
    return shown === undefined ? problemAnswer(404, 'no agent of that name is configured') : jsonAnswer(200, shown)
  }
  const route = (methods: Readonly<Record<string, (order: Order) => Promise<AdminAnswer>>>): AdminRoute => ({
    access: 'guarded',
    methods: new Map(Object.entries(methods).map(([method, act]) => [method, (call: AdminCall) => act({ agent: agentOf(call), call })])),
  })
  return [
    [PREFIX, route({ GET: show })],
    [`${PREFIX}/:agent`, route({ GET: show })],
    [`${PREFIX}/:agent/grants`, route({
      POST: (order) => change(order, sources, grantOrder, 'expected {"axis": a name, "amount": at least 1, "ttl_seconds": at least 1}', ({ axis, amount, ttl_seconds: ttlSeconds }, act) => ({ action: 'budget_grant', done: budgets.grant({ axis, amount, ttlSeconds }, act) })),
    })],
    [`${PREFIX}/:agent/reset`, route({ POST: (order) => change(order, sources, resetOrder, 'expected {"axis": a name (optional)}', ({ axis }, act) => ({ action: 'budget_reset', done: budgets.reset(axis, act) })) })],
    [`${PREFIX}/:agent/freeze`, route({ POST: (order) => change(order, sources, freezeOrder, 'expected {"frozen": true or false}', ({ frozen }, act) => ({ action: frozen ? 'budget_freeze' : 'budget_unfreeze', done: budgets.freeze(frozen, act) })) })],
    ['/api/v1/budget-store/adopt', route({ POST: (order) => change(order, sources, adoptOrder, 'expected {}', (_order, act) => ({ action: 'budget_adopt', done: budgets.adopt(act) })) })],
  ]
}

/** @returns the key of the path in the table of routes */
export function routeKey(path: string): string {
  const match = PATTERN.exec(path)
  return match === null ? path : `${PREFIX}/:agent${match[2] ?? ''}`
}

function agentOf({ request }: AdminCall): string {
  return PATTERN.exec(request.url?.split('?', 1)[0] ?? '')?.[1] ?? ''
}

interface Change {
  readonly action: BudgetAction
  readonly done: Promise<BudgetResult>
}

interface Schema<T> {
  safeParse(value: unknown): { readonly success: true; readonly data: T } | { readonly success: false }
}

// eslint-disable-next-line max-params -- the order, what it may be, and what it does
async function change<T>({ agent, call }: Order, sources: AdminSources, schema: Schema<T>, expected: string, act: (order: T, about: { agent: string; via: AdminCall['via'] }) => Change): Promise<AdminAnswer> {
  const read = await readJsonBody(call.request)
  if ('status' in read) return read
  const order = schema.safeParse(read.value)
  if (!order.success) return problemAnswer(400, expected)
  const { action, done } = act(order.data, { agent, via: call.via })
  const result = await done
  const isStrange = result === 'unknown_agent' || result === 'unknown_axis'
  // A name that is not configured is the caller's text and stays out of the log.
  sources.audit(actionEvent(call, { action, result, scope: isStrange ? 'unknown' : agent }))
  if (result === 'done') return jsonAnswer(200, (await sources.budgets.show(agent === '' ? undefined : agent)) ?? {})
  return isStrange ? problemAnswer(404, result === 'unknown_agent' ? 'no agent of that name is configured' : 'no surface counts on an axis of that name') : problemAnswer(503, `not done: ${result}`)
}
