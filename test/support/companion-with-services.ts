/** Live listeners over a data path of which a test has replaced a part, for what no configuration can bring about. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'

import { isConfigErrors, parseConfig } from '../../src/config/index.ts'
import { openAgentListeners } from '../../src/ingress/index.ts'
import type { Services } from '../../src/pipeline/index.ts'
import { createParts } from '../../src/server/parts.ts'
import { openStateFolder } from '../../src/state/index.ts'
import { readReceipts, type ReceiptView } from './companion.ts'
import { aRecorder, faultyFolder, type DiskFaults } from './recorder-rig.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface ChangedCompanion {
  readonly port: number
  /** Receipts of exchanges, as far as they are on disk. */
  receipts(): Promise<ReceiptView[]>
  metrics(): Promise<string>
}

const CONFIG = 'ssrf: {ip_allowlist: [127.0.0.0/8]}\nlogging: {output: file, file: /dev/null}\n'

/** @param more configuration. @param change gives the services that the listeners use, and the folder where their receipts are if it is another */
export async function startChanged(t: TestContext, change: (services: Services) => Services, more = ''): Promise<ChangedCompanion> {
  const config = parseConfig(CONFIG + more, 'test.yaml', {})
  assert.ok(!isConfigErrors(config))
  const folder = await openStateFolder(temporaryFolder(t))
  const parts = await createParts(config, folder, 'test')
  const { maxHeaders } = config.connections
  const listeners = await openAgentListeners({
    addresses: [{ address: 'test', host: '127.0.0.1', port: 0 }],
    limits: config.connections,
    context: { services: change(parts.services), companionId: parts.companionId, maxHeaders },
  })
  t.after(async () => {
    await listeners.close()
    await parts.close('test')
    await folder.release()
  })
  return {
    port: listeners.open[0]?.port ?? 0,
    receipts: () => Promise.resolve(exchangesOf(folder.receiptsDir)),
    metrics: () => parts.metrics.text(),
  }
}

/** Receipts go to a disk that fails as `faults` says from now on. @param maxQueued receipts that may wait for it */
export async function startOnFaultyDisk(t: TestContext, faults: DiskFaults, maxQueued?: number): Promise<ChangedCompanion> {
  const dir = temporaryFolder(t)
  const recorder = await aRecorder(dir, { files: faultyFolder(dir, faults), ...(maxQueued !== undefined && { maxQueued }) })
  const companion = await startChanged(t, (services) => ({ ...services, recorder }))
  t.after(() => recorder.close())
  return { ...companion, receipts: () => Promise.resolve(exchangesOf(dir)) }
}

function exchangesOf(dir: string): ReceiptView[] {
  return readReceipts(dir).filter(({ transport }) => transport !== 'receipt_session')
}
