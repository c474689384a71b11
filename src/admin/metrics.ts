/**
 * What is counted. Labels are bounded: `agent` is a configured profile, everything else a word out of a closed set, so no
 * caller can make a new series.
 */

import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'

import { DEFAULT_PROFILE, type Grade, type IdentitySource } from '../model/agent.ts'
import type { ReloadResult } from '../model/audit-event.ts'
import type { BlockReason } from '../model/block-reason.ts'
import type { Surface } from '../model/exchange.ts'
import { addGauge, CounterFamily, type Reading } from './metric-families.ts'
import { COUNTERS, GAUGES, HISTOGRAMS, type MetricSpec } from './metric-specs.ts'

type Verdict = 'allow' | 'warn' | 'block'

export interface ExchangeFigures {
  readonly agent: string
  readonly transport: Surface
  readonly verdict: Verdict
  /** Where it was refused or cut. */
  readonly reason?: BlockReason
  readonly bytesUp: number
  readonly bytesDown: number
  readonly durationMs: number
}

export interface WalletFigures {
  readonly agent: string
  readonly axis: string
  readonly action: 'block' | 'warn'
  readonly transport: Surface
}

/** One limit of one profile, as it was a second ago at most. */
export interface BudgetReading {
  readonly agent: string
  readonly axis: string
  readonly used: number
  readonly limit: number
}

/** Where the gauges are read when somebody asks. Maps go by profile name. */
export interface GaugeReaders {
  receiptQueueDepth(): number
  receiptChainHead(): number
  heldBytes(): number
  openExchanges(): ReadonlyMap<string, number>
  tunnelsOpen(): ReadonlyMap<string, number>
  budgets(): readonly BudgetReading[]
  budgetLeases(): ReadonlyMap<string, number>
  frozenAgents(): readonly string[]
  killSwitch(): { readonly global: readonly string[]; readonly agents: Readonly<Record<string, readonly string[]>> }
}

/** Sums since the start, for /stats. */
export interface ExchangeTotals {
  readonly verdicts: Readonly<Record<Verdict, number>>
  readonly agents: Readonly<Record<string, Readonly<Record<Verdict, number>> & { readonly bytesUp: number; readonly bytesDown: number }>>
}

export interface Metrics {
  /** An exchange has ended, or was refused. */
  countExchange(figures: ExchangeFigures): void
  countRefusedBeforeExchange(cause: BlockReason): void
  countIdentity(source: IdentitySource, grade: Grade): void
  countIdentityMismatch(source: IdentitySource): void
  countReceipt(agent: string, direction: 'outbound' | 'inbound', verdict: Verdict): void
  countReceiptFailure(reason: BlockReason): void
  countReload(result: ReloadResult['result']): void
  observeFsync(seconds: number): void
  observeDns(seconds: number, ending: 'resolved' | 'failed'): void
  countDenialOfWallet(figures: WalletFigures): void
  countBudgetStoreError(kind: string): void
  countBudgetLeaseExpired(agent: string): void
  observeBudgetReserve(store: 'local' | 'shared', outcome: 'granted' | 'refused', seconds: number): void
  /** The configured profiles: at the start and on each reload. Series of others go; their names fold to `_default`. */
  setAgents(names: Iterable<string>): void
  /** Once, when everything that is read stands. */
  bindGauges(readers: GaugeReaders): void
  totals(): ExchangeTotals
  /** Prometheus text format 0.0.4. */
  text(): Promise<string>
}

export interface MetricsOptions {
  readonly version: string
  readonly agents: Iterable<string>
  /** `none` leaves out the figures of the process itself (memory, event loop, garbage collection). */
  readonly process?: 'measured' | 'none'
}

const MS_PER_SECOND = 1000

export function createMetrics({ version, agents, process: processFigures = 'measured' }: MetricsOptions): Metrics {
  const registry = new Registry()
  const counters = createCounters(registry)
  const histograms = createHistograms(registry)
  const names = { known: new Set(agents) }
  const fold = (agent: string): string => (names.known.has(agent) ? agent : DEFAULT_PROFILE)
  addGauge(GAUGES.buildInfo, registry, () => [{ labels: [version, process.version], value: 1 }])
  if (processFigures === 'measured') collectDefaultMetrics({ register: registry })

  return {
    ...simpleCounts(counters, histograms),
    countExchange: (figures) => {
      countExchange({ ...figures, agent: fold(figures.agent) }, counters)
      histograms.exchangeSeconds(figures.transport).observe(figures.durationMs / MS_PER_SECOND)
    },
    countReceipt: (agent, direction, verdict) => {
      counters.receiptsEmitted.cell(fold(agent), direction, verdict).value++
    },
    countDenialOfWallet: ({ agent, axis, action, transport }) => {
      counters.denialOfWallet.cell(fold(agent), axis, action, transport).value++
    },
    countBudgetLeaseExpired: (agent) => {
      counters.budgetLeaseExpired.cell(fold(agent)).value++
    },
    setAgents: (configured) => {
      names.known = new Set(configured)
      const kept = new Set([...names.known, DEFAULT_PROFILE])
      for (const family of [counters.requests, counters.requestBytes, counters.blocked, counters.receiptsEmitted, counters.denialOfWallet, counters.budgetLeaseExpired]) family.retainFirst(kept)
    },
    bindGauges: (readers) => {
      bindGauges(readers, registry, fold)
    },
    totals: () => exchangeTotals(counters),
    text: () => registry.metrics(),
  }
}

type Counters = Readonly<Record<keyof typeof COUNTERS, CounterFamily>>

function createCounters(registry: Registry): Counters {
  const family = (spec: MetricSpec): CounterFamily => new CounterFamily(spec, registry)
  return {
    requests: family(COUNTERS.requests),
    requestBytes: family(COUNTERS.requestBytes),
    blocked: family(COUNTERS.blocked),
    refusedBeforeExchange: family(COUNTERS.refusedBeforeExchange),
    identityResolutions: family(COUNTERS.identityResolutions),
    identityMismatch: family(COUNTERS.identityMismatch),
    receiptsEmitted: family(COUNTERS.receiptsEmitted),
    receiptFailures: family(COUNTERS.receiptFailures),
    configReload: family(COUNTERS.configReload),
    denialOfWallet: family(COUNTERS.denialOfWallet),
    budgetLeaseExpired: family(COUNTERS.budgetLeaseExpired),
    budgetStoreErrors: family(COUNTERS.budgetStoreErrors),
    dnsFailures: family(COUNTERS.dnsFailures),
  }
}

interface Histograms {
  exchangeSeconds(transport: Surface): { observe(seconds: number): void }
  readonly receiptFsyncSeconds: Histogram
  readonly budgetReserveSeconds: Histogram
  readonly dnsSeconds: Histogram
}

function createHistograms(registry: Registry): Histograms {
  const histogram = (spec: MetricSpec & { readonly buckets: readonly number[] }): Histogram =>
    new Histogram({ name: spec.name, help: spec.help, labelNames: [...spec.labels], buckets: [...spec.buckets], registers: [registry] })
  const exchangeSeconds = histogram(HISTOGRAMS.exchangeSeconds)
  const byTransport = new Map<Surface, { observe(seconds: number): void }>()
  return {
    exchangeSeconds: (transport) => {
      const child = byTransport.get(transport) ?? exchangeSeconds.labels(transport)
      byTransport.set(transport, child)
      return child
    },
    receiptFsyncSeconds: histogram(HISTOGRAMS.receiptFsyncSeconds),
    budgetReserveSeconds: histogram(HISTOGRAMS.budgetReserveSeconds),
    dnsSeconds: histogram(HISTOGRAMS.dnsSeconds),
  }
}

function simpleCounts(counters: Counters, histograms: Histograms) {
  return {
    countRefusedBeforeExchange: (cause: BlockReason): void => {
      counters.refusedBeforeExchange.cell(cause).value++
    },
    countIdentity: (source: IdentitySource, grade: Grade): void => {
      counters.identityResolutions.cell(source, grade).value++
    },
    countIdentityMismatch: (source: IdentitySource): void => {
      counters.identityMismatch.cell(source).value++
    },
    countReceiptFailure: (reason: BlockReason): void => {
      counters.receiptFailures.cell(reason).value++
    },
    countBudgetStoreError: (kind: string): void => {
      counters.budgetStoreErrors.cell(kind).value++
    },
    countReload: (result: ReloadResult['result']): void => {
      counters.configReload.cell(result).value++
    },
    observeBudgetReserve: (store: 'local' | 'shared', outcome: 'granted' | 'refused', seconds: number): void => {
      histograms.budgetReserveSeconds.labels(store, outcome).observe(seconds)
    },
    observeFsync: (seconds: number): void => {
      histograms.receiptFsyncSeconds.observe(seconds)
    },
    observeDns: (seconds: number, ending: 'resolved' | 'failed'): void => {
      histograms.dnsSeconds.observe(seconds)
      if (ending === 'failed') counters.dnsFailures.cell().value++
    },
  }
}

function countExchange({ agent, transport, verdict, reason, bytesUp, bytesDown }: ExchangeFigures, counters: Counters): void {
  counters.requests.cell(agent, transport, verdict).value++
  counters.requestBytes.cell(agent, transport, 'up').value += bytesUp
  counters.requestBytes.cell(agent, transport, 'down').value += bytesDown
  if (verdict === 'block' && reason !== undefined) counters.blocked.cell(agent, reason).value++
}

function bindGauges(readers: GaugeReaders, registry: Registry, fold: (agent: string) => string): void {
  const single = (value: number): readonly Reading[] => [{ labels: [], value }]
  addGauge(GAUGES.receiptQueueDepth, registry, () => single(readers.receiptQueueDepth()))
  addGauge(GAUGES.receiptChainHead, registry, () => single(readers.receiptChainHead()))
  addGauge(GAUGES.heldBytes, registry, () => single(readers.heldBytes()))
  addGauge(GAUGES.openExchanges, registry, () => perAgent(readers.openExchanges(), fold))
  addGauge(GAUGES.tunnelsOpen, registry, () => perAgent(readers.tunnelsOpen(), fold))
  bindBudgetGauges(readers, registry, fold)
  addGauge(GAUGES.killSwitchActive, registry, () => {
    const { global, agents } = readers.killSwitch()
    return [{ labels: ['*'], value: Math.min(global.length, 1) }, ...Object.keys(agents).map((agent) => ({ labels: [fold(agent)], value: 1 }))]
  })
}

function bindBudgetGauges(readers: GaugeReaders, registry: Registry, fold: (agent: string) => string): void {
  const each = (value: (reading: BudgetReading) => number) => (): Reading[] => readers.budgets().map((reading) => ({ labels: [fold(reading.agent), reading.axis], value: value(reading) }))
  addGauge(GAUGES.budgetUsed, registry, each(({ used }) => used))
  addGauge(GAUGES.budgetLimit, registry, each(({ limit }) => limit))
  addGauge(GAUGES.budgetRemaining, registry, each(({ used, limit }) => (limit === 0 ? 0 : Math.max(0, 1 - used / limit))))
  addGauge(GAUGES.budgetLeases, registry, () => perAgent(readers.budgetLeases(), fold))
  addGauge(GAUGES.budgetFrozen, registry, () => readers.frozenAgents().map((agent) => ({ labels: [fold(agent)], value: 1 })))
}

/** Adds up what folds to one name. */
function perAgent(values: ReadonlyMap<string, number>, fold: (agent: string) => string): Reading[] {
  const sums = new Map<string, number>()
  for (const [agent, value] of values) sums.set(fold(agent), (sums.get(fold(agent)) ?? 0) + value)
  return [...sums].map(([agent, value]) => ({ labels: [agent], value }))
}

function exchangeTotals(counters: Counters): ExchangeTotals {
  const verdicts = { allow: 0, warn: 0, block: 0 }
  const agents = new Map<string, Record<Verdict | 'bytesUp' | 'bytesDown', number>>()
  const agentTotals = (agent = DEFAULT_PROFILE) => {
    const found = agents.get(agent) ?? { allow: 0, warn: 0, block: 0, bytesUp: 0, bytesDown: 0 }
    agents.set(agent, found)
    return found
  }
  for (const { labels, value } of counters.requests.series()) {
    const verdict = labels[2] as Verdict
    verdicts[verdict] += value
    agentTotals(labels[0])[verdict] += value
  }
  for (const { labels, value } of counters.requestBytes.series()) agentTotals(labels[0])[labels[2] === 'up' ? 'bytesUp' : 'bytesDown'] += value
  return { verdicts, agents: Object.fromEntries(agents) }
}
