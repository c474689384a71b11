/** Door of admin/: the listener for operators, what is counted, and the audit log. No agent traffic passes here. */

export { createAdmin, type Admin } from './admin-server.ts'
export { type AdminSources, type BudgetSources, type JsonObject, type OperatorAct, type ReadinessCheck } from './admin-sources.ts'
export { createAuditLog, type AuditLog } from './audit-log.ts'
export { describeCheck } from './scan-route.ts'
export { type BudgetReading, createMetrics, type Metrics } from './metrics.ts'
