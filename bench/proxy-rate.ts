/**
 * Requests per second, latency and CPU per request of the companion (scanning, two signed receipts an exchange, durable, audit
 * log on) beside a bare proxy and squid: same origin, same bodies, in turn, in one run. Needs wrk; squid where it is installed.
 *
 *   node bin/node24.js bench/proxy-rate.ts [SECONDS] [ROUNDS]
 */

import { Bench, median, print, residentMiB, type Load, type Subject } from './subjects.ts'

const [secondsText = '6', roundsText = '3'] = process.argv.slice(2)
/** Until the compilers have settled: the first seconds of a Node process are its slowest. */
const WARM_UP_SECONDS = 4
const bench = new Bench()

function report(subject: Subject, load: Load): void {
  const { rate, p50, p99, cpuMicros, errors } = load
  print(`${subject.name.padEnd(26)} ${rate.toFixed(0).padStart(7)} req/s  p50 ${p50.padStart(7)}  p99 ${p99.padStart(7)}  ${cpuMicros.toFixed(1).padStart(6)} us CPU/req  ${residentMiB(subject.pid).toFixed(0)} MiB  ${errors}`)
}

async function main(): Promise<void> {
  const origin = await bench.script('bench-origin.ts')
  const bare = await bench.script('bare-proxy.ts')
  const candidates = [
    bare,
    await bench.companion('companion, node:crypto', 'flight_recorder: {signer: node}\n'),
    await bench.companion('companion, sodium-native', 'flight_recorder: {signer: sodium}\n'),
    await bench.squid(),
  ]
  const subjects = candidates.filter((subject) => subject !== undefined)
  const loads = new Map<Subject, Load[]>(subjects.map((subject) => [subject, []]))
  for (const subject of subjects) await bench.load(subject, origin.port, WARM_UP_SECONDS)
  for (let round = 0; round < Number(roundsText); round++) {
    for (const [subject, taken] of loads) {
      const load = await bench.load(subject, origin.port, Number(secondsText))
      taken.push(load)
      report(subject, load)
    }
  }
  const rateOf = (subject: Subject): number => median((loads.get(subject) ?? []).map(({ rate }) => rate))
  const cpuOf = (subject: Subject): number => median((loads.get(subject) ?? []).map(({ cpuMicros }) => cpuMicros))
  for (const subject of subjects) {
    const share = ((100 * rateOf(subject)) / rateOf(bare)).toFixed(0)
    const times = (cpuOf(subject) / cpuOf(bare)).toFixed(2)
    print(`median ${subject.name.padEnd(26)} ${rateOf(subject).toFixed(0).padStart(7)} req/s  ${share.padStart(3)} % of the bare proxy's rate  ${times} times its CPU per request`)
  }
}

await main().finally(() => bench.close())
