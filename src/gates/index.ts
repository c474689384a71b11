/** Door of gates/: the cheap refusals before any content work. Nothing here opens a socket or waits. */

export { checkShape } from './check-shape.ts'
export { createConcurrencyLimiter, type ConcurrencyLimiter } from './concurrency.ts'
export { createKillSwitch, type KillSwitch } from './kill-switch.ts'
export { createProtectedTargets, type ProtectedTargets } from './protected-targets.ts'
export { createRateLimiter, type RateLimiter } from './rate-limit.ts'
export { watchSentinelFile } from './sentinel-file.ts'
export { isTrusted } from './trusted-domain.ts'
