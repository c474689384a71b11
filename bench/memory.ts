/**
 * Resident memory of a companion over 200,000 exchanges, sampled every 20,000 after 20,000 to warm up. Needs wrk.
 *
 *   node bin/node24.js bench/memory.ts [EXCHANGES]
 */

import { Bench, print, residentMiB, type Subject } from './subjects.ts'

const [exchangesText = '200000'] = process.argv.slice(2)
const SAMPLES = 10
const STEP_SECONDS = 1
const bench = new Bench()

/** @returns how many it really were */
async function send(subject: Subject, originPort: number, exchanges: number): Promise<number> {
  let sent = 0
  while (sent < exchanges) sent += (await bench.load(subject, originPort, STEP_SECONDS)).requests
  return sent
}

async function main(): Promise<void> {
  const origin = await bench.script('bench-origin.ts')
  const companion = await bench.companion('companion', '')
  print(`at the start       ${residentMiB(companion.pid).toFixed(0).padStart(4)} MiB`)
  const step = Number(exchangesText) / SAMPLES
  await send(companion, origin.port, step)
  const samples: number[] = []
  let total = 0
  for (let n = 0; n < SAMPLES; n++) {
    total += await send(companion, origin.port, step)
    samples.push(residentMiB(companion.pid))
    print(`${String(total).padStart(9)} exchanges ${(samples.at(-1) ?? 0).toFixed(0).padStart(4)} MiB`)
  }
  const half = samples.length / 2
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const [first, second] = [mean(samples.slice(0, half)), mean(samples.slice(half))]
  print(`mean of the first half ${first.toFixed(0)} MiB, of the second ${second.toFixed(0)} MiB (${(second - first).toFixed(1)})`)
}

await main().finally(() => bench.close())
