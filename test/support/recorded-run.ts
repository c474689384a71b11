/** Runs a companion once, with one allowed and one refused exchange, and leaves its receipts behind. */

import { join } from 'node:path'

import { isConfigErrors, parseConfig } from '../../src/config/index.ts'
import { startCompanion } from '../../src/server.ts'
import { openStateFolder } from '../../src/state/index.ts'
import { startCountingOrigin } from '../../src/testing/index.ts'
import { throughProxy } from './proxy-client.ts'

export interface RecordedRun {
  /** Folder of the receipts, closed. */
  readonly receipts: string
  /** 64 hex digits. */
  readonly key: string
}

/** @param dir an empty folder */
export async function startRecorded(dir: string): Promise<RecordedRun> {
  const config = parseConfig(
    `fetch_proxy: {listen: "127.0.0.1:0"}\nadmin: {listen: "127.0.0.1:0"}\nssrf: {ip_allowlist: [127.0.0.0/8]}\nlogging: {output: file, file: ${JSON.stringify(join(dir, 'audit.log'))}}\n`,
    'recorded.yaml',
    {},
  )
  if (isConfigErrors(config)) throw new RecordedRunError(JSON.stringify(config.problems))
  const folder = await openStateFolder(join(dir, 'state'))
  const companion = await startCompanion(config, folder, { version: 'test', read: () => config })
  const origin = await startCountingOrigin()
  const port = companion.listeners[0]?.port ?? 0
  try {
    await throughProxy(port, `http://127.0.0.1:${origin.port}/`)
    await throughProxy(port, 'http://169.254.169.254/')
  } finally {
    await companion.stop('recorded')
    await folder.release()
    await origin.close()
  }
  return { receipts: folder.receiptsDir, key: companion.publicKeyHex }
}

class RecordedRunError extends Error {}
