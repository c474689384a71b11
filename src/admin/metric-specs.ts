/** Every metric of the companion: name, meaning, labels. Rows only; a page of the reference is made of them. */

export interface MetricSpec {
  readonly name: string
  readonly help: string
  /** `agent`, where it is one, comes first. */
  readonly labels: readonly string[]
}

export const COUNTERS = {
  requests: { name: 'chaperone_requests_total', help: 'Exchanges that were decided.', labels: ['agent', 'transport', 'verdict'] },
  requestBytes: { name: 'chaperone_request_bytes_total', help: 'Body bytes that were relayed.', labels: ['agent', 'transport', 'direction'] },
  blocked: { name: 'chaperone_blocked_total', help: 'Exchanges that were refused or cut.', labels: ['agent', 'reason'] },
  refusedBeforeExchange: { name: 'chaperone_refused_before_exchange_total', help: 'Messages that never became an exchange.', labels: ['cause'] },
  identityResolutions: { name: 'chaperone_identity_resolutions_total', help: 'Callers that were given a profile.', labels: ['source', 'grade'] },
  identityMismatch: { name: 'chaperone_identity_mismatch_total', help: 'Exchanges that claimed a name which is not their own.', labels: ['source'] },
  receiptsEmitted: { name: 'chaperone_receipts_emitted_total', help: 'Receipts that are durable.', labels: ['agent', 'direction', 'verdict'] },
  receiptFailures: { name: 'chaperone_receipt_failures_total', help: 'Receipts that could not be written.', labels: ['reason'] },
  configReload: { name: 'chaperone_config_reload_total', help: 'Readings of the configuration after the first.', labels: ['result'] },
  denialOfWallet: { name: 'chaperone_denial_of_wallet_total', help: 'Limits of budgets that were passed: refused, or let pass with a warning.', labels: ['agent', 'axis', 'action', 'transport'] },
  budgetLeaseExpired: { name: 'chaperone_budget_lease_expired_total', help: 'Reservations that outlived their time, or whose store could not be asked to keep them.', labels: ['agent'] },
  budgetStoreErrors: { name: 'chaperone_budget_store_errors_total', help: 'Exchanges that the ledger of budgets could not answer for.', labels: ['kind'] },
  dnsFailures: { name: 'chaperone_dns_failures_total', help: 'Names that could not be resolved.', labels: [] },
} as const satisfies Record<string, MetricSpec>

export const GAUGES = {
  receiptQueueDepth: { name: 'chaperone_receipt_queue_depth', help: 'Receipts that wait for the disk.', labels: [] },
  receiptChainHead: { name: 'chaperone_receipt_chain_head', help: 'Sequence number of the last durable receipt.', labels: [] },
  openExchanges: { name: 'chaperone_open_exchanges', help: 'Exchanges and tunnels that are open.', labels: ['agent'] },
  tunnelsOpen: { name: 'chaperone_tunnels_open', help: 'CONNECT tunnels that are open.', labels: ['agent'] },
  heldBytes: { name: 'chaperone_held_bytes', help: 'Bytes of bodies held in memory.', labels: [] },
  killSwitchActive: { name: 'chaperone_kill_switch_active', help: '1 while the kill switch is on; scope * is everyone.', labels: ['scope'] },
  budgetUsed: { name: 'chaperone_budget_used', help: 'Units in use on an axis, a second ago at most.', labels: ['agent', 'axis'] },
  budgetLimit: { name: 'chaperone_budget_limit', help: 'Limit of an axis, grants included.', labels: ['agent', 'axis'] },
  budgetRemaining: { name: 'chaperone_budget_remaining_ratio', help: 'Share of a limit that is left, 0 to 1.', labels: ['agent', 'axis'] },
  budgetLeases: { name: 'chaperone_budget_leases', help: 'Exchanges that hold a reservation.', labels: ['agent'] },
  budgetFrozen: { name: 'chaperone_budget_frozen', help: '1 while an operator has frozen the profile.', labels: ['agent'] },
  buildInfo: { name: 'chaperone_build_info', help: 'Always 1; the labels tell the version.', labels: ['version', 'node'] },
} as const satisfies Record<string, MetricSpec>

export const HISTOGRAMS = {
  exchangeSeconds: { name: 'chaperone_exchange_seconds', help: 'From accept to end of an exchange.', labels: ['transport'], buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] },
  receiptFsyncSeconds: { name: 'chaperone_receipt_fsync_seconds', help: 'One fdatasync of receipts.', labels: [], buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5] },
  budgetReserveSeconds: { name: 'chaperone_budget_reserve_seconds', help: 'One reservation of a budget.', labels: ['store', 'outcome'], buckets: [0.00001, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] },
  dnsSeconds: { name: 'chaperone_dns_seconds', help: 'Resolution of one name, failures included; answers out of the cache are not counted.', labels: [], buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] },
} as const satisfies Record<string, MetricSpec & { readonly buckets: readonly number[] }>
