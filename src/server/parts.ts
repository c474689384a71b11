/** The parts of a companion that live as long as it does, and how they are wired to each other. */

import { hostname, networkInterfaces } from 'node:os'

import { createAuditLog, createMetrics, type AuditLog, type Metrics } from '../admin/index.ts'
import { SYSTEM_CLOCK } from '../base/clock.ts'
import type { Config } from '../config/index.ts'
import { createResolver, createSender } from '../egress/index.ts'
import { createConcurrencyLimiter, createKillSwitch, createProtectedTargets, createRateLimiter, watchSentinelFile } from '../gates/index.ts'
import { createIdentityResolver } from '../identity/index.ts'
import { createSigner, fingerprintOf, loadOrCreatePrivateKey, loadPrivateKey } from '../keys/index.ts'
import type { ReloadResult } from '../model/audit-event.ts'
import { HeldBytes, HostMemory, LiveExchanges, RefusalQuota, type Services } from '../pipeline/index.ts'
import type { ReceiptRecorder } from '../receipt/index.ts'
import { createScanPool } from '../scan/index.ts'
import type { StateFolder } from '../state/index.ts'
import { createBudgetView, openBudgetLedger, type BudgetView } from './budgets.ts'
import { createObserver } from './observe.ts'
import { startRecorder, type RecorderWorkerOptions } from './recorder-thread.ts'
import { createBudgetTeller, type BudgetTeller } from './tell-budget.ts'

const FINGERPRINT_DIGITS = 8
const MS_PER_SECOND = 1000
const MAX_DNS_ENTRIES = 10_000

export interface BoundAddress {
  readonly host: string
  readonly port: number
}

export interface Parts {
  readonly services: Services
  readonly metrics: Metrics
  readonly audit: AuditLog
  readonly budgetView: BudgetView
  readonly budgetTeller: BudgetTeller
  /** `chaperone-<fingerprint>`: in Via, Chaperone-Refused-By and lifecycle receipts. */
  readonly companionId: string
  readonly publicKeyHex: string
  readonly startedAtMs: number
  /** The configuration in force. */
  config: Config
  isDraining: boolean
  lastReload?: { readonly result: ReloadResult; readonly atMs: number }
  /** Agents' and admin addresses as bound. */
  listeners: readonly BoundAddress[]
  /** Makes the own listeners unreachable as destinations. */
  protectOwn(listeners: readonly BoundAddress[]): void
  /** Stops what profiles run that were frozen just now. */
  readonly cutFrozen: (agents: readonly string[]) => void
  settle(): Promise<void>
  close(reason: string): Promise<void>
}

// eslint-disable-next-line max-lines-per-function -- the wiring is one list, in the order in which parts are made
export async function createParts(config: Config, folder: StateFolder, version: string): Promise<Parts> {
  const clock = SYSTEM_CLOCK
  // A key that somebody named is there or it is an error: a new one would begin a history that nobody can verify.
  const { signingKeyPath } = config.recorder
  const pair = signingKeyPath === undefined ? (await loadOrCreatePrivateKey(folder.signingKeyPath)).pair : await loadPrivateKey(signingKeyPath)
  const signer = createSigner(pair, config.recorder.signer)
  const companionId = `chaperone-${fingerprintOf(pair.publicKey).slice('sha256:'.length).slice(0, FINGERPRINT_DIGITS)}`
  const { logging } = config
  const audit = createAuditLog({
    output: logging.file ?? logging.output,
    clock,
    includes: { allowed: logging.includeAllowed, blocked: logging.includeBlocked },
    onLoss: ({ lines, code }) => process.stderr.write(`chaperone: ${lines} audit lines lost: ${code}\n`),
  })
  const metrics = createMetrics({ version, agents: config.policy.profiles.keys() })
  const ledger = await openBudgetLedger(config.state, {
    folder,
    clock,
    onExpired: ({ subject, attempt }) => {
      metrics.countBudgetLeaseExpired(subject)
      audit.record({ event: 'budget_lease_expired', agent: subject, actionId: attempt })
    },
  })
  const recorder = await startRecorder(pair, {
    backend: config.recorder.signer,
    recorder: recorderOptions(config, { dir: folder.receiptsDir, companionId }),
    onSync: (tookMs) => {
      metrics.observeFsync(tookMs / MS_PER_SECOND)
    },
  }).catch(async (thrown: unknown) => {
    await ledger.close()
    throw thrown
  })
  const isShared = config.state.url !== undefined
  const budgetView = createBudgetView({ ledger, isShared, config: () => parts.config, audit })
  const budgetTeller = createBudgetTeller({ metrics, audit, clock, replica: companionId, isShared })
  const services = createServices(config, { recorder, metrics, audit, budgetView, budgetTeller, companionId, current: () => parts.config })
  const stopSentinel = await watchOver(services, config, audit)
  const parts: Parts = {
    services,
    metrics,
    audit,
    budgetView,
    budgetTeller,
    companionId,
    publicKeyHex: signer.publicKeyHex,
    startedAtMs: clock.nowMs(),
    config,
    isDraining: false,
    listeners: [],
    protectOwn: (listeners) => {
      parts.listeners = listeners
      services.protectedTargets.protect(listeners)
    },
    cutFrozen: (agents) => {
      if (agents.length > 0) services.live.cut(({ profile }) => agents.includes(profile.name), { reason: 'budget_frozen', detail: 'frozen by an operator' })
    },
    settle: async () => {
      while (recorder.stats().commit.queued > 0) await new Promise((resolve) => setTimeout(resolve, 1))
      await audit.settle()
    },
    close: async (reason) => {
      stopSentinel()
      services.resolver.close()
      await services.sender.close()
      await ledger.close()
      await services.scans.close()
      await recorder.close(reason).catch(() => {
        metrics.countReceiptFailure('receipt_unwritable')
      })
      audit.record({ event: 'stopped', reason, uptimeMs: clock.nowMs() - parts.startedAtMs })
      await audit.close()
    },
  }
  await budgetView.refresh()
  bindGauges(parts)
  tellStart(parts, recorder, version)
  return parts
}

function recorderOptions({ recorder, trustDomain, policy }: Config, { dir, companionId }: { dir: string; companionId: string }): RecorderWorkerOptions['recorder'] {
  return {
    dir: recorder.dir ?? dir,
    principal: trustDomain,
    actor: `spiffe://${trustDomain}/companion/${companionId}`,
    policyHash: policy.hash,
    durability: recorder.require,
    limits: { maxEntriesPerShard: recorder.maxEntriesPerFile, checkpointInterval: recorder.checkpointInterval },
    lowWaterBytes: recorder.lowWaterBytes,
    retentionDays: recorder.retentionDays,
  }
}

interface Wiring {
  readonly recorder: ReceiptRecorder
  readonly metrics: Metrics
  readonly audit: AuditLog
  readonly budgetView: BudgetView
  readonly budgetTeller: BudgetTeller
  readonly companionId: string
  readonly current: () => Config
}

function createServices(config: Config, { recorder, metrics, audit, budgetView, budgetTeller, companionId, current }: Wiring): Services {
  const clock = SYSTEM_CLOCK
  const protectedTargets = createProtectedTargets({ addresses: localAddresses, names: [hostname()] })
  return {
    clock,
    trustDomain: config.trustDomain,
    ownVia: companionId,
    policy: () => current().policy,
    identity: createIdentityResolver(config.identity),
    rate: createRateLimiter(clock, config.policy.profiles.keys()),
    concurrency: createConcurrencyLimiter(),
    killSwitch: createKillSwitch(),
    protectedTargets,
    resolver: createResolver({
      ...(config.dns.servers.length > 0 && { servers: config.dns.servers }),
      hostsFile: config.dns.hostsFile,
      timeoutMs: config.dns.timeoutMs,
      cacheSeconds: config.dns.cacheMaxMs / MS_PER_SECOND,
      maxCacheEntries: MAX_DNS_ENTRIES,
      clock,
      protectedAddress: (address, port) => protectedTargets.isProtected(address, port),
      onLookup: (tookMs, ending) => {
        metrics.observeDns(tookMs / MS_PER_SECOND, ending)
      },
    }),
    sender: createSender(),
    recorder,
    held: new HeldBytes(),
    hosts: new HostMemory(),
    scans: createScanPool(),
    live: new LiveExchanges(),
    refusals: new RefusalQuota(clock),
    budgets: budgetView.budgets,
    observer: createObserver(metrics, audit, budgetTeller),
  }
}

/** Ties the kill switch to its sources, and to what runs: a change cuts open exchanges of its scope at once. */
async function watchOver({ killSwitch, live }: Services, config: Config, audit: AuditLog): Promise<() => void> {
  killSwitch.onChange((change) => {
    audit.record({ event: 'kill_switch', ...change })
    if (!change.active) return
    live.cut((passage) => change.scope === '*' || passage.profile.name === change.scope, { reason: 'kill_switch', detail: change.source })
  })
  killSwitch.applyConfig(config.policy.killSwitch)
  const { sentinelFile } = config.killSwitch
  if (sentinelFile === undefined) return () => undefined
  const watch = await watchSentinelFile({
    path: sentinelFile,
    onState: (state) => {
      killSwitch.set('sentinel', state !== 'absent')
    },
  })
  return () => {
    watch.close()
  }
}

function bindGauges({ services, metrics, budgetView }: Parts): void {
  const { recorder, held, concurrency, killSwitch, live } = services
  metrics.bindGauges({
    receiptQueueDepth: () => recorder.stats().commit.queued,
    receiptChainHead: () => recorder.stats().head?.seq ?? 0,
    heldBytes: () => held.bytes,
    openExchanges: () => concurrency.open(),
    tunnelsOpen: () => live.countTunnels(),
    budgets: () => budgetView.readings(),
    budgetLeases: () => budgetView.leases(),
    frozenAgents: () => budgetView.frozenAgents(),
    killSwitch: () => killSwitch.snapshot(),
  })
}

function tellStart({ audit, config }: Parts, { resumed }: ReceiptRecorder, version: string): void {
  audit.record({ event: 'started', version, pid: process.pid, policyHash: config.policy.hash })
  if (resumed.openIntents.length > 0) {
    audit.record({ event: 'open_intents', session: resumed.prior?.session ?? '', count: resumed.openIntents.length, actionIds: resumed.openIntents.slice(0, 10) })
  }
}

function localAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address) ?? [])
}
