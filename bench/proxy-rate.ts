/**
 * Requests per second, latency and CPU per request of the companion (scanning, receipts, durable) beside a bare proxy and
 * squid: same origin, same bodies, in turn, in one run. Needs wrk; squid where it is installed.
 *
 *   node bin/node24.js bench/proxy-rate.ts [SECONDS] [ROUNDS]
 */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [secondsText = '6', roundsText = '3'] = process.argv.slice(2)
const CONNECTIONS = 32
const TICKS_PER_SECOND = 100
const folder = mkdtempSync(join(tmpdir(), 'chaperone-bench-'))
const children: ChildProcess[] = []

interface Subject {
  readonly name: string
  readonly port: number
  readonly pid: number
}

interface Figures {
  readonly rate: number
  readonly p50: string
  readonly p99: string
  readonly cpuMicros: number
  readonly errors: string
  readonly rssMiB: number
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => {
      resolve(chunk.toString().split('\n')[0] ?? '')
    })
    child.once('exit', () => {
      reject(new BenchError('a subject ended at once'))
    })
  })
}

class BenchError extends Error {}

function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  return child
}

async function script(name: string): Promise<Subject> {
  const child = start(fileURLToPath(new URL(name, import.meta.url)))
  return { name, port: Number(await firstLine(child)), pid: child.pid ?? 0 }
}

async function companion(name: string, extra: string): Promise<Subject> {
  const dir = mkdtempSync(join(folder, 'state-'))
  const config = join(dir, 'chaperone.yaml')
  const port = 21_000 + Math.floor(children.length * 10) + (process.pid % 1000) * 10
  writeFileSync(
    config,
    `fetch_proxy: {listen: "127.0.0.1:${port}"}\nadmin: {listen: "127.0.0.1:0"}\nssrf: {ip_allowlist: [127.0.0.0/8]}\nlogging: {output: file, file: ${join(dir, 'audit.log')}}\n${extra}`,
  )
  const main = fileURLToPath(new URL('../bin/chaperone.js', import.meta.url))
  const child = spawn(process.execPath, [main, 'start', '--config', config, '--state-dir', join(dir, 'state')], { stdio: ['ignore', 'inherit', 'pipe'] })
  children.push(child)
  await new Promise<void>((resolve) => child.stderr.on('data', (chunk: Buffer) => {
    if (chunk.includes('verify:')) resolve()
  }))
  return { name, port, pid: child.pid ?? 0 }
}

async function squid(): Promise<Subject | undefined> {
  if (spawnSync('sh', ['-c', 'command -v squid']).status !== 0) return undefined
  const port = 20_000 + (process.pid % 1000)
  const config = join(folder, 'squid.conf')
  writeFileSync(
    config,
    `http_port 127.0.0.1:${port}\nhttp_access allow all\ncache deny all\ncache_mem 0\naccess_log none\ncache_log ${folder}/squid.log\npid_filename ${folder}/squid.pid\ncoredump_dir ${folder}\nworkers 1\nshutdown_lifetime 0 seconds\n`,
  )
  spawnSync('chmod', ['-R', '777', folder])
  const child = spawn('squid', ['-N', '-f', config], { stdio: 'ignore' })
  children.push(child)
  await new Promise((resolve) => setTimeout(resolve, 2000))
  return child.exitCode === null ? { name: 'squid', port, pid: child.pid ?? 0 } : undefined
}

function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

// eslint-disable-next-line complexity -- every ?? is a default of a figure that wrk did not print
async function measure(subject: Subject, originPort: number, seconds: string): Promise<Figures> {
  const lua = join(folder, 'post.lua')
  writeFileSync(lua, `wrk.method = "POST"\nwrk.body = string.rep("lorem ipsum ", 85)\nwrk.path = "http://127.0.0.1:${originPort}/api/items?page=2&sort=name"\nwrk.headers["Content-Type"] = "text/plain"\n`)
  const before = cpuSeconds(subject.pid)
  const child = spawn('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency', '-s', lua, `http://127.0.0.1:${subject.port}`])
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await new Promise((resolve) => child.once('close', resolve))
  const cpu = cpuSeconds(subject.pid) - before
  const requests = Number(/([0-9]+) requests in/.exec(output)?.[1] ?? 0)
  return {
    rate: Number(/Requests\/sec:\s+([0-9.]+)/.exec(output)?.[1] ?? 0),
    p50: /50%\s+(\S+)/.exec(output)?.[1] ?? '-',
    p99: /99%\s+(\S+)/.exec(output)?.[1] ?? '-',
    cpuMicros: (cpu / Math.max(1, requests)) * 1e6,
    errors: /Non-2xx[^\n]*|Socket errors[^\n]*/.exec(output)?.[0] ?? '',
    rssMiB: Number(/VmRSS:\s+([0-9]+)/.exec(readFileSync(`/proc/${subject.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

async function main(): Promise<void> {
  const origin = await script('bench-origin.ts')
  const subjects = [await script('bare-proxy.ts'), await companion('companion, node:crypto', 'flight_recorder: {signer: node}\n'), await companion('companion, sodium-native', 'flight_recorder: {signer: sodium}\n'), await squid()]
  const present = subjects.filter((subject) => subject !== undefined)
  const rates = new Map<string, number[]>()
  for (const subject of present) await measure(subject, origin.port, '2')
  for (let round = 0; round < Number(roundsText); round++) {
    for (const subject of present) {
      const figures = await measure(subject, origin.port, secondsText)
      rates.set(subject.name, [...(rates.get(subject.name) ?? []), figures.rate])
      process.stdout.write(`${subject.name.padEnd(26)} ${figures.rate.toFixed(0).padStart(7)} req/s  p50 ${figures.p50}  p99 ${figures.p99}  ${figures.cpuMicros.toFixed(1)} us CPU/req  ${figures.rssMiB.toFixed(0)} MiB  ${figures.errors}\n`)
    }
  }
  const bare = median(rates.get('bare-proxy.ts') ?? [])
  for (const [name, all] of rates) process.stdout.write(`median ${name.padEnd(26)} ${median(all).toFixed(0).padStart(7)} req/s  ${((100 * median(all)) / bare).toFixed(0)} % of the bare proxy\n`)
}

await main().finally(() => {
  for (const child of children) child.kill('SIGTERM')
  setTimeout(() => {
    rmSync(folder, { recursive: true, force: true })
  }, 500)
})
