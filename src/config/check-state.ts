/** What must hold of the shared store, and of the settings that mean nothing without one. */

import { fail, warn, type Findings } from './check-agents.ts'
import { DEFAULTS } from './defaults.ts'
import { STATE_FORM } from './state-schema.ts'
import type { FileConfig } from './schema.ts'

const D = DEFAULTS.budget_store
const STORE_URL = /^(?:rediss?:\/\/|unix:\/)/
const CREDENTIALS = /^rediss?:\/\/[^@/]*:[^@/]+@/

export function checkState(file: FileConfig, findings: Findings): void {
  const { state, cluster, budget_store: store } = file
  if (state === undefined) {
    checkAlone(file, findings)
    return
  }
  if (!STORE_URL.test(state)) fail(findings, ['state'], `expected ${STATE_FORM}, got a value that is not shown`)
  const { state: written } = findings.source.root
  if (typeof written === 'string' && CREDENTIALS.test(written)) warn(findings, ['state'], 'a password stands in the file: write ${env:NAME} instead')
  if (store?.on_unavailable === 'local_share' && cluster?.replicas === undefined) fail(findings, ['budget_store', 'on_unavailable'], 'expected cluster.replicas beside it, got local_share and no number to share by')
}

function checkAlone({ cluster, budget_store: store }: FileConfig, findings: Findings): void {
  const replicas = cluster?.replicas ?? 1
  if (replicas > 1) fail(findings, ['cluster', 'replicas'], `expected state: redis://… beside it, got ${replicas} replicas and nothing that they share`)
  for (const name of ['on_unavailable', 'namespace', 'timeout', 'assume_noeviction'] as const) {
    if ((store?.[name] ?? D[name]) !== D[name]) fail(findings, ['budget_store', name], 'expected state: redis://… beside it, got no shared store')
  }
}
