/** What is measured: origin, bare proxy, companion and squid as processes of their own, and what the system says of them. */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Subject {
  readonly name: string
  readonly port: number
  readonly pid: number
}

export interface Load {
  readonly rate: number
  readonly requests: number
  readonly p50: string
  readonly p99: string
  /** Of the whole process, all its threads, per request. */
  readonly cpuMicros: number
  readonly errors: string
}

export class BenchError extends Error {}

export const CONNECTIONS = 32
const TICKS_PER_SECOND = 100
const SQUID_START_MS = 2000
const MAIN = fileURLToPath(new URL('../bin/chaperone.js', import.meta.url))

export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'chaperone-bench-'))
  readonly #children: ChildProcess[] = []
  #ports = 20_000 + (process.pid % 1000) * 10

  /** Runs a script of this folder that prints its port. */
  async script(name: string): Promise<Subject> {
    const child = this.#keep(spawn(process.execPath, [fileURLToPath(new URL(name, import.meta.url))], { stdio: ['ignore', 'pipe', 'inherit'] }))
    return { name, port: Number(await firstLine(child)), pid: child.pid ?? 0 }
  }

  /** The defaults, but for the origin on a loopback address, and `extra` lines of configuration. */
  async companion(name: string, extra: string): Promise<Subject & { readonly stateDir: string }> {
    const dir = mkdtempSync(join(this.folder, 'state-'))
    const config = join(dir, 'chaperone.yaml')
    const stateDir = join(dir, 'state')
    const port = this.#ports++
    writeFileSync(
      config,
      `fetch_proxy: {listen: "127.0.0.1:${port}"}\nadmin: {listen: "127.0.0.1:0"}\nssrf: {ip_allowlist: [127.0.0.0/8]}\nlogging: {output: file, file: ${join(dir, 'audit.log')}}\n${extra}`,
    )
    const child = this.#keep(spawn(process.execPath, [MAIN, 'start', '--config', config, '--state-dir', stateDir], { stdio: ['ignore', 'ignore', 'pipe'] }))
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => { reject(new BenchError('the companion ended at once')) })
      child.stderr?.on('data', (chunk: Buffer) => {
        if (chunk.includes('verify:')) resolve()
      })
    })
    return { name, port, pid: child.pid ?? 0, stateDir }
  }

  /** @returns `undefined` where squid is not installed, or does not start */
  async squid(): Promise<Subject | undefined> {
    if (spawnSync('sh', ['-c', 'command -v squid']).status !== 0) return undefined
    const port = this.#ports++
    const config = join(this.folder, 'squid.conf')
    writeFileSync(
      config,
      `http_port 127.0.0.1:${port}\nhttp_access allow all\ncache deny all\ncache_mem 0\naccess_log none\ncache_log ${this.folder}/squid.log\npid_filename ${this.folder}/squid.pid\ncoredump_dir ${this.folder}\nworkers 1\nshutdown_lifetime 0 seconds\n`,
    )
    // It gives up root, and must still write here.
    spawnSync('chmod', ['777', this.folder])
    const child = this.#keep(spawn('squid', ['-N', '-f', config], { stdio: 'ignore' }))
    await new Promise((resolve) => setTimeout(resolve, SQUID_START_MS))
    return child.exitCode === null ? { name: 'squid', port, pid: child.pid ?? 0 } : undefined
  }

  /** POST of 1,020 bytes over 32 kept connections for that many seconds. */
  async load(subject: Subject, originPort: number, seconds: number): Promise<Load> {
    const lua = join(this.folder, 'post.lua')
    writeFileSync(lua, `wrk.method = "POST"\nwrk.body = string.rep("lorem ipsum ", 85)\nwrk.path = "http://127.0.0.1:${originPort}/api/items?page=2&sort=name"\nwrk.headers["Content-Type"] = "text/plain"\n`)
    const before = cpuSeconds(subject.pid)
    const child = spawn('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency', '-s', lua, `http://127.0.0.1:${subject.port}`])
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    await new Promise((resolve) => child.once('close', resolve))
    return readLoad(output, cpuSeconds(subject.pid) - before)
  }

  /** Ends every process and deletes the folder. */
  async close(): Promise<void> {
    const running = this.#children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
    const ended = running.map((child) => new Promise((resolve) => child.once('exit', resolve)))
    for (const child of running) child.kill('SIGTERM')
    await Promise.all(ended)
    rmSync(this.folder, { recursive: true, force: true })
  }

  #keep(child: ChildProcess): ChildProcess {
    this.#children.push(child)
    return child
  }
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

function readLoad(output: string, cpu: number): Load {
  const shown = (pattern: RegExp, otherwise: string): string => pattern.exec(output)?.[1] ?? otherwise
  const requests = Number(shown(/([0-9]+) requests in/, '0'))
  return {
    rate: Number(shown(/Requests\/sec:\s+([0-9.]+)/, '0')),
    requests,
    p50: shown(/50%\s+([0-9.]+\w+)/, '-'),
    p99: shown(/99%\s+([0-9.]+\w+)/, '-'),
    cpuMicros: (cpu / Math.max(1, requests)) * 1e6,
    errors: shown(/(Non-2xx[^\n]*|Socket errors[^\n]*)/, ''),
  }
}

/** @returns user and system time of all threads */
function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

export function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+([0-9]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
