/** A reload: all that can change without a restart changes at once, between two exchanges; or nothing does. */

import { diffConfig, formatProblem, formatRestart, type Config, type ConfigErrors } from '../config/index.ts'
import type { ReloadResult } from '../model/audit-event.ts'
import type { Parts } from './parts.ts'

/** Synchronous on purpose: no exchange sees half of it. Spend, rates, pools and open exchanges stay. */
export function applyReload(parts: Parts, next: Config): ReloadResult {
  const { config, services, metrics, audit } = parts
  if (next.hash === config.hash) return told(parts, { result: 'unchanged', hash: config.hash, messages: [] })

  const { effective, needRestart } = diffConfig(config, next)
  services.rate.retain(effective.policy.profiles.keys())
  services.identity.setRules(effective.identity)
  metrics.setAgents(effective.policy.profiles.keys())
  audit.setIncludes({ allowed: effective.logging.includeAllowed, blocked: effective.logging.includeBlocked })
  parts.budgetTeller.retain(new Set(effective.policy.profiles.keys()))
  services.recorder.usePolicy(effective.policy.hash)
  parts.config = effective
  services.killSwitch.applyConfig(effective.policy.killSwitch)
  return told(parts, { result: 'applied', hash: effective.hash, messages: needRestart.map(formatRestart) })
}

/** The file is wrong: the configuration in force stays, whole. */
export function rejectReload(parts: Parts, { problems }: ConfigErrors): ReloadResult {
  return told(parts, { result: 'rejected', hash: parts.config.hash, messages: problems.map(formatProblem) })
}

function told(parts: Parts, result: ReloadResult): ReloadResult {
  parts.metrics.countReload(result.result)
  parts.lastReload = { result, atMs: parts.services.clock.nowMs() }
  if (result.result !== 'unchanged') {
    parts.audit.record({ event: 'config_reload', result: result.result, policyHash: result.hash, ...(result.messages.length > 0 && { errors: result.messages }) })
  }
  return result
}
