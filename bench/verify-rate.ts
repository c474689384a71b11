/**
 * Receipts per second that the library and `chaperone verify` check, on a folder that a companion wrote under load. Needs wrk.
 *
 *   node bin/node24.js bench/verify-rate.ts [SECONDS OF LOAD]
 */

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { verifyRecorder } from '../src/verify/index.ts'
import { Bench, BenchError, print } from './subjects.ts'

const [secondsText = '5'] = process.argv.slice(2)
const ROUNDS = 3
const SETTLE_MS = 500
const MAIN = fileURLToPath(new URL('../bin/chaperone.js', import.meta.url))
const bench = new Bench()

function rateOf(receipts: number, check: () => boolean): string {
  const startedMs = performance.now()
  if (!check()) throw new BenchError('the evidence does not verify')
  const seconds = (performance.now() - startedMs) / 1000
  return `${(receipts / seconds).toFixed(0).padStart(7)} receipts/s  ${((seconds / receipts) * 1e6).toFixed(1)} us each`
}

async function main(): Promise<void> {
  const origin = await bench.script('bench-origin.ts')
  const companion = await bench.companion('companion', '')
  await bench.load(companion, origin.port, Number(secondsText))
  await sleep(SETTLE_MS)
  const folder = join(companion.stateDir, 'receipts')
  const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl')).map((name) => ({ name, content: readFileSync(join(folder, name)) }))
  const receipts = files.reduce((sum, { content }) => sum + (content.toString().match(/"type":"action_receipt"/g)?.length ?? 0), 0)
  const mebibytes = files.reduce((sum, { content }) => sum + content.length, 0) / 1_048_576
  print(`${receipts} receipts, ${files.length} files, ${mebibytes.toFixed(1)} MiB, ${((mebibytes * 1_048_576) / receipts).toFixed(0)} bytes a line`)
  const key = /"signer_key":"([0-9a-f]{64})"/.exec(files[0]?.content.toString() ?? '')?.[1] ?? ''
  for (let round = 0; round < ROUNDS; round++) {
    print(`library           ${rateOf(receipts, () => verifyRecorder(files, { trustedKeys: [key] }).valid)}`)
    print(`chaperone verify  ${rateOf(receipts, () => spawnSync(process.execPath, [MAIN, 'verify', folder, '--key', key]).status === 0)}`)
  }
}

await main().finally(() => bench.close())
