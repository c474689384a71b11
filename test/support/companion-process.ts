/** A companion as a process of its own: to be killed, traced and restarted. */

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../bin/chaperone.js', import.meta.url))

export interface CompanionProcess {
  readonly child: ChildProcess
  readonly port: number
  readonly stderr: () => string
  kill(signal: NodeJS.Signals): Promise<void>
}

export interface ProcessFolder {
  readonly dir: string
  readonly stateDir: string
  readonly receiptsDir: string
  /** Public key as text, once a companion has run. */
  publicKey(): string
}

export function processFolder(test: TestContext): ProcessFolder {
  const dir = mkdtempSync(join(tmpdir(), 'chaperone-process-'))
  test.after(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  const stateDir = join(dir, 'state')
  return {
    dir,
    stateDir,
    receiptsDir: join(stateDir, 'receipts'),
    publicKey: () => readFileSync(join(stateDir, 'keys', 'receipt-signing.key.pub'), 'utf8'),
  }
}

/** @param wrap words before the command, for example those of strace */
export async function startCompanionProcess(test: TestContext, folder: ProcessFolder, { config = '', wrap = [] }: { config?: string; wrap?: readonly string[] } = {}): Promise<CompanionProcess> {
  const file = join(folder.dir, 'chaperone.yaml')
  writeFileSync(file, `fetch_proxy: {listen: "127.0.0.1:0"}\nadmin: {listen: "127.0.0.1:0"}\nssrf: {ip_allowlist: [127.0.0.0/8]}\nlogging: {output: file, file: ${JSON.stringify(join(folder.dir, 'audit.log'))}}\n${config}`)
  const [program, ...args] = [...wrap, process.execPath, MAIN, 'start', '--config', file, '--state-dir', folder.stateDir]
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'pipe'] })
  let stderr = ''
  const port = await new Promise<number>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
      const found = /agents: http:\/\/127\.0\.0\.1:([0-9]+)/.exec(stderr)
      if (found !== null && stderr.includes('verify:')) resolve(Number(found[1]))
    })
    child.once('exit', (code) => {
      reject(new CompanionDied(`ended with ${code}: ${stderr}`))
    })
  })
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }
  test.after(() => kill('SIGKILL'))
  return { child, port, stderr: () => stderr, kill }
}

class CompanionDied extends Error {}
