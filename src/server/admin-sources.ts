/** What the admin listener shows and moves of a running companion. */

import type { AdminSources, JsonObject, ReadinessCheck } from '../admin/index.ts'
import type { ReloadResult } from '../model/audit-event.ts'
import { createBudgetDesk } from './budget-desk.ts'
import { checkOrder } from './check-order.ts'
import type { Parts } from './parts.ts'

export function createAdminSources(parts: Parts, { version, reload }: { version: string; reload: () => ReloadResult }): AdminSources {
  const { services, metrics, audit } = parts
  return {
    readiness: () => readiness(parts),
    stats: () => ({ ...status(parts, version), exchanges: metrics.totals(), receipts: { ...services.recorder.stats() }, heldBytes: services.held.bytes, budgets: parts.budgetView.readings() }),
    status: () => status(parts, version),
    agents: () => agents(parts),
    metricsText: () => metrics.text(),
    killSwitch: {
      snapshot: () => services.killSwitch.snapshot(),
      set: (active, agent) => {
        if (agent !== undefined && !parts.config.policy.profiles.has(agent)) return 'unknown_agent'
        services.killSwitch.set('admin', active, agent)
        return 'done'
      },
    },
    budgets: createBudgetDesk(parts),
    reload: () => Promise.resolve(reload()),
    check: (order, name) => {
      const profile = services.policy().profiles.get(name)
      return profile === undefined ? 'unknown_profile' : checkOrder(order, profile)
    },
    audit: (event) => {
      audit.record(event)
    },
    failed: () => {
      metrics.countRefusedBeforeExchange('internal_error')
    },
  }
}

function readiness(parts: Parts): ReadinessCheck[] {
  const { state, isDiskLow, lastFault } = parts.services.recorder.stats()
  const budgets = parts.budgetView.budgets.ledger.health()
  const isRecording = state === 'open' && !isDiskLow
  return [
    { name: 'recorder', ok: isRecording, ...(!isRecording && { detail: isDiskLow ? 'the disk is nearly full' : lastFault }) },
    { name: 'budgets', ok: budgets === 'ok', ...(budgets !== 'ok' && { detail: budgets }) },
    { name: 'config', ok: parts.lastReload?.result.result !== 'rejected', ...(parts.lastReload?.result.result === 'rejected' && { detail: 'the last reload was rejected' }) },
    { name: 'draining', ok: !parts.isDraining },
  ]
}

function status({ config, services, companionId, publicKeyHex, startedAtMs, lastReload, isDraining, listeners }: Parts, version: string): JsonObject {
  const { state, session, head, openIntents } = services.recorder.stats()
  return {
    companion: companionId,
    version,
    pid: process.pid,
    uptimeSeconds: Math.floor((services.clock.nowMs() - startedAtMs) / 1000),
    draining: isDraining,
    listeners,
    config: { source: config.source, hash: config.hash, warnings: config.warnings.length, lastReload: lastReload?.result },
    profiles: [...config.policy.profiles.keys()],
    killSwitch: services.killSwitch.snapshot(),
    openExchanges: services.live.size,
    recorder: { state, session, head, openIntents, publicKey: publicKeyHex },
  }
}

function agents({ config, services, metrics }: Parts): JsonObject[] {
  const open = services.concurrency.open()
  const totals = metrics.totals().agents
  return [...config.policy.profiles.values()].map(({ name, mode, enforce }) => ({
    name,
    mode,
    enforce,
    openExchanges: open.get(name) ?? 0,
    lastMinute: services.rate.usage(name),
    totals: totals[name],
    stoppedBy: services.killSwitch.isOn(name) ?? [],
  }))
}
