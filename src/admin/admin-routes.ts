/** The paths of the admin listener and what each does. */

import { strictObject, boolean, string } from 'zod'

import type { ReloadResult } from '../model/audit-event.ts'
import { jsonAnswer, metricsAnswer, problemAnswer, type AdminAnswer } from './admin-answer.ts'
import { readJsonBody } from './admin-body.ts'
import { actionEvent, type AdminCall, type AdminRoute, type Handler } from './admin-call.ts'
import type { AdminSources } from './admin-sources.ts'
import { budgetRoutes } from './budget-routes.ts'
import { answerScan } from './scan-route.ts'

const MAX_AGENT_NAME_LENGTH = 256
const killSwitchOrder = strictObject({ active: boolean(), agent: string().min(1).max(MAX_AGENT_NAME_LENGTH).optional() })

export function createRoutes(sources: AdminSources): ReadonlyMap<string, AdminRoute> {
  const liveness = route('open', { GET: () => jsonAnswer(200, { status: 'ok' }) })
  const show = (read: () => object): AdminRoute => route('guarded', { GET: () => jsonAnswer(200, read()) })
  return new Map([
    ['/healthz', liveness],
    ['/health', liveness],
    ['/readyz', route('open', { GET: () => readinessAnswer(sources) })],
    ['/metrics', route('guarded', { GET: async () => metricsAnswer(await sources.metricsText()) })],
    ['/stats', show(() => sources.stats())],
    ['/api/v1/status', show(() => sources.status())],
    ['/api/v1/agents', show(() => ({ agents: sources.agents() }))],
    ['/api/v1/killswitch', route('guarded', { GET: () => jsonAnswer(200, sources.killSwitch.snapshot()), POST: (call) => setKillSwitch(call, sources) })],
    ['/api/v1/scan', route('guarded', { POST: ({ request }) => answerScan(request, sources) })],
    ['/api/v1/reload', route('guarded', { POST: createReload(sources) })],
    ...budgetRoutes(sources),
  ])
}

function route(access: AdminRoute['access'], methods: Readonly<Record<string, Handler>>): AdminRoute {
  return { access, methods: new Map(Object.entries(methods)) }
}

function readinessAnswer(sources: AdminSources): AdminAnswer {
  const checks = sources.readiness()
  const ready = checks.every(({ ok }) => ok)
  // What is well needs no words: details of failing checks only.
  return jsonAnswer(ready ? 200 : 503, { ready, checks: checks.map(({ name, ok, detail }) => ({ name, ok, ...(!ok && detail !== undefined && { detail }) })) })
}

async function setKillSwitch(call: AdminCall, sources: AdminSources): Promise<AdminAnswer> {
  const read = await readJsonBody(call.request)
  if ('status' in read) return read
  const order = killSwitchOrder.safeParse(read.value)
  if (!order.success) return problemAnswer(400, 'expected {"active": true or false, "agent": a name (optional)}')

  const { active, agent } = order.data
  const result = sources.killSwitch.set(active, agent)
  // An unknown name is the caller's text and stays out of the log.
  const scope = result === 'unknown_agent' ? 'unknown' : (agent ?? '*')
  sources.audit(actionEvent(call, { action: 'kill_switch', result, scope, active }))
  return result === 'done' ? jsonAnswer(200, sources.killSwitch.snapshot()) : problemAnswer(404, 'no agent of that name is configured')
}

/** One reload at a time: a second one asked for meanwhile would read a file that may still be half written. */
function createReload(sources: AdminSources): Handler {
  let running = false
  return async (call) => {
    if (running) return problemAnswer(409, 'a reload is running')
    running = true
    try {
      const reloaded = await sources.reload()
      sources.audit(actionEvent(call, { action: 'reload', result: reloaded.result }))
      return jsonAnswer(RELOAD_STATUS[reloaded.result], reloaded)
    } finally {
      running = false
    }
  }
}

const RELOAD_STATUS: Readonly<Record<ReloadResult['result'], number>> = { applied: 200, unchanged: 200, rejected: 422 }
