/**
 * The composition root: a Config becomes a running companion. With src/server/ the only place that knows every folder. What
 * it builds once (recorder, pools, counters, listeners) lives as long as the companion; what a reload replaces is swapped whole.
 */

import { createAdmin, type Admin } from './admin/index.ts'
import { isConfigErrors, type Config, type ConfigErrors } from './config/index.ts'
import { openAgentListeners, type AgentListeners } from './ingress/index.ts'
import type { ReloadResult } from './model/audit-event.ts'
import { recordSuppressed } from './pipeline/index.ts'
import { createAdminSources } from './server/admin-sources.ts'
import { applyReload, rejectReload } from './server/apply-reload.ts'
import { createParts, type BoundAddress, type Parts } from './server/parts.ts'
import type { StateFolder } from './state/index.ts'

export interface CompanionOptions {
  readonly version: string
  /** Reads the configuration anew: for reloads. */
  read(): Config | ConfigErrors
}

export interface Companion {
  /** Bound addresses of the agents' listeners. */
  readonly listeners: readonly { readonly address: string; readonly host: string; readonly port: number }[]
  readonly adminPort: number
  readonly publicKeyHex: string
  /** Reads the configuration and puts it in force as far as it can change without a restart; keeps the old one on any fault. */
  reload(): ReloadResult
  toggleKillSwitch(): void
  /** Opens the log file anew, for log rotation. */
  reopenLog(): void
  /** Writes the log lines that are still gathered, now. */
  flushLog(): void
  /** Waits until every receipt so far is acknowledged, and every log line written. */
  settle(): Promise<void>
  /** Cuts what is still open. */
  abandon(): void
  /** Takes nothing new, lets what is open finish within the drain time, then closes the session of receipts. */
  stop(reason: string): Promise<void>
}

const TICK_MS = 1000
/** What was cut may take to end. */
const CUT_MS = 5000

/**
 * Starts everything, or nothing: what was opened before a failure is closed again.
 *
 * @param folder locked by the caller, who releases it after `stop`
 * @throws named errors of keys, recorder and sockets, each with the place and what was expected
 */
export async function startCompanion(config: Config, folder: StateFolder, options: CompanionOptions): Promise<Companion> {
  const parts = await createParts(config, folder, options.version)
  let listeners: AgentListeners | undefined
  const reload = (): ReloadResult => {
    const next = options.read()
    if (isConfigErrors(next)) return rejectReload(parts, next)
    const result = applyReload(parts, next)
    if (result.result === 'applied') listeners?.reviewIdentity(parts.config.connections.drainMs)
    return result
  }
  const admin = createAdmin({
    listen: config.admin.listen,
    socketPath: folder.socketPath,
    token: config.admin.token?.reveal() ?? folder.adminToken,
    sources: createAdminSources(parts, { version: options.version, reload }),
    clock: parts.services.clock,
  })
  try {
    const bound = await admin.open()
    // Before the first agent can ask; again with the ports that were bound.
    parts.protectOwn([...config.listeners, bound.tcp ?? config.admin.listen])
    listeners = await openAgentListeners({
      addresses: config.listeners,
      limits: config.connections,
      context: { services: parts.services, companionId: parts.companionId, maxHeaders: config.connections.maxHeaders },
    })
    return runningCompanion(parts, { admin, adminAddress: bound.tcp ?? config.admin.listen, listeners, reload, drainMs: config.connections.drainMs })
  } catch (error) {
    await admin.close()
    await parts.close('start_failed')
    throw error
  }
}

interface Running {
  readonly admin: Admin
  readonly adminAddress: BoundAddress
  readonly listeners: AgentListeners
  readonly reload: () => ReloadResult
  readonly drainMs: number
}

/** What is looked at every second. */
function startTick({ services, budgetTeller, budgetView, cutFrozen }: Parts): NodeJS.Timeout {
  const tick = setInterval(() => {
    recordSuppressed(services, 'over')
    budgetTeller.tick()
    budgetView.refresh().then(cutFrozen, () => undefined)
  }, TICK_MS)
  return tick.unref()
}

function runningCompanion(parts: Parts, { admin, adminAddress, listeners, reload, drainMs }: Running): Companion {
  const { services, audit } = parts
  parts.protectOwn([...listeners.open.map(({ host, port }) => ({ host, port })), adminAddress])
  for (const { address, port } of listeners.open) audit.record({ event: 'listener_opened', kind: 'agents', listener: `${address} (port ${port})` })
  const tick = startTick(parts)
  const abandon = (): void => {
    services.live.cut(() => true, { reason: 'draining', detail: 'the companion is stopping' })
  }
  const stop = async (reason: string): Promise<void> => {
    parts.isDraining = true
    listeners.stopAccepting()
    await Promise.race([services.live.whenIdle(), new Promise((resolve) => setTimeout(resolve, drainMs).unref())])
    abandon()
    await listeners.close()
    // Bounded: one exchange that cannot end, for example on a disk that answers nothing, must not keep the process alive.
    await Promise.race([services.live.whenIdle(), new Promise((resolve) => setTimeout(resolve, CUT_MS).unref())])
    clearInterval(tick)
    recordSuppressed(services, 'all')
    await admin.close()
    await parts.close(reason)
  }
  let stopping: Promise<void> | undefined
  return {
    listeners: listeners.open,
    adminPort: adminAddress.port,
    publicKeyHex: parts.publicKeyHex,
    reload,
    toggleKillSwitch: () => {
      services.killSwitch.toggle('signal')
    },
    reopenLog: () => {
      audit.reopen()
    },
    flushLog: () => {
      audit.flushSync()
    },
    settle: () => parts.settle(),
    abandon,
    stop: (reason) => (stopping ??= stop(reason)),
  }
}
