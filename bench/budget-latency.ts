/**
 * What budgets add to an exchange: p50 and p99 of the same request through companions without limits, with every limit kept
 * in the journal, and with every limit shared through Redis, in turn, in one run. Needs redis-server for the last.
 *
 *   node bin/node24.js bench/budget-latency.ts [REQUESTS] [ROUNDS]
 */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import http from 'node:http'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [requestsText = '2000', roundsText = '5'] = process.argv.slice(2)
const CONCURRENCIES = [1, 32]
const NANOS_PER_MILLI = 1e6
const folder = mkdtempSync(join(tmpdir(), 'chaperone-bench-'))
const children: ChildProcess[] = []

const BUDGET = `budget:
  requests: {limit: 1000000000, window: 1h}
  bytes: {limit: 1000GiB, window: 1h}
  destinations: {limit: 1000, window: 1h}
  fan_out: {limit: 1000}
  retries_per_endpoint: {limit: 1000}
  concurrent_requests: 10000
  wall_clock: {limit: 30d}
`

interface Subject {
  readonly name: string
  readonly port: number
}

class BenchError extends Error {}

function lineOf(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const hear = (chunk: Buffer): void => {
      text += chunk.toString()
      const found = pattern.exec(text)
      if (found !== null) resolve(found[1] ?? '')
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.once('exit', () => {
      reject(new BenchError(`a subject ended at once: ${text}`))
    })
  })
}

async function companion(name: string, extra: string): Promise<Subject> {
  const dir = mkdtempSync(join(folder, 'state-'))
  const config = join(dir, 'chaperone.yaml')
  writeFileSync(config, `fetch_proxy: {listen: "127.0.0.1:0"}\nadmin: {listen: "127.0.0.1:0"}\nssrf: {ip_allowlist: [127.0.0.0/8]}\nlogging: {output: file, file: ${join(dir, 'audit.log')}}\n${extra}`)
  const main = fileURLToPath(new URL('../bin/chaperone.js', import.meta.url))
  const child = spawn(process.execPath, [main, 'start', '--config', config, '--state-dir', join(dir, 'state')])
  children.push(child)
  return { name, port: Number(await lineOf(child, /agents: http:\/\/127\.0\.0\.1:([0-9]+)[^]*verify:/)) }
}

async function redis(): Promise<string | undefined> {
  if (spawnSync('sh', ['-c', 'command -v redis-server']).status !== 0) return undefined
  const path = join(folder, 'redis.sock')
  const child = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--dir', folder])
  children.push(child)
  await lineOf(child, /(eady to accept)/)
  return `unix:${path}`
}

/** @returns the time of one exchange in milliseconds */
function ask(port: number, url: string, agent: http.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const begun = process.hrtime.bigint()
    const request = http.request({ host: '127.0.0.1', port, path: url, method: 'POST', agent, headers: { 'content-type': 'text/plain' } }, (response) => {
      response.resume()
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Number(process.hrtime.bigint() - begun) / NANOS_PER_MILLI)
        else reject(new BenchError(`status ${response.statusCode ?? 0}`))
      })
    })
    request.on('error', reject)
    request.end('lorem ipsum '.repeat(85))
  })
}

async function measure({ port }: Subject, url: string, concurrency: number): Promise<number[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: concurrency })
  const times: number[] = []
  const worker = async (): Promise<void> => {
    while (times.length < Number(requestsText)) times.push(await ask(port, url, agent))
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  agent.destroy()
  return times
}

function percentile(times: readonly number[], share: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * share)] ?? 0
}

async function main(): Promise<void> {
  const origin = spawn(process.execPath, [fileURLToPath(new URL('bench-origin.ts', import.meta.url))])
  children.push(origin)
  const url = `http://127.0.0.1:${await lineOf(origin, /([0-9]+)/)}/api/items`
  const store = await redis()
  const subjects = [await companion('no limits', ''), await companion('seven limits, journal', BUDGET), ...(store === undefined ? [] : [await companion('seven limits, Redis', `state: ${JSON.stringify(store)}\n${BUDGET}`)])]
  for (const subject of subjects) await measure(subject, url, 32)
  for (const concurrency of CONCURRENCIES) {
    const all = new Map<string, number[]>()
    for (let round = 0; round < Number(roundsText); round++) {
      for (const subject of subjects) all.set(subject.name, [...(all.get(subject.name) ?? []), ...(await measure(subject, url, concurrency))])
    }
    const [p50, p99] = [0.5, 0.99].map((share) => percentile(all.get('no limits') ?? [], share))
    for (const [name, times] of all) {
      const [own50, own99] = [percentile(times, 0.5), percentile(times, 0.99)]
      process.stdout.write(`${String(concurrency).padStart(3)} at once  ${name.padEnd(22)} p50 ${own50.toFixed(3)} ms (${(own50 - (p50 ?? 0)).toFixed(3)} added)  p99 ${own99.toFixed(3)} ms (${(own99 - (p99 ?? 0)).toFixed(3)} added)\n`)
    }
  }
}

await main().finally(() => {
  for (const child of children) child.kill('SIGTERM')
  setTimeout(() => {
    rmSync(folder, { recursive: true, force: true })
  }, 1000)
})
