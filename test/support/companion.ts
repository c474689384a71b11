/** A whole companion in this process, on free ports and a state folder of its own: what most integration tests talk to. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { isConfigErrors, parseConfig, type Config, type ConfigErrors } from '../../src/config/index.ts'
import { startCompanion, type Companion } from '../../src/server.ts'
import { openStateFolder } from '../../src/state/index.ts'

export interface TestCompanionOptions {
  /** YAML on top of what the test needs; its keys win over the helper's. */
  readonly config?: string
  /** Lets 127.0.0.1 be dialled, where the test's origins live. */
  readonly allowLoopback?: boolean
  readonly stateDir?: string
  /** The environment that the configuration may name; empty otherwise. */
  readonly env?: Readonly<Record<string, string>>
}

export interface ReceiptView {
  readonly action_id: string
  readonly verdict: string
  readonly decision_phase?: string
  readonly actor: string
  readonly target: string
  readonly transport: string
  readonly method?: string
  readonly layer?: string
  readonly pattern?: string
  readonly severity?: string
  readonly redaction?: { readonly profile?: string; readonly total_redactions?: number; readonly by_class?: Readonly<Record<string, number>> }
  readonly precedent_refs?: readonly string[]
  readonly chain_seq: number
  readonly policy_hash: string
}

export interface TestCompanion {
  readonly companion: Companion
  readonly port: number
  readonly adminPort: number
  readonly stateDir: string
  readonly receiptsDir: string
  /** Audit events written so far. */
  events(): Record<string, unknown>[]
  /** Receipts of exchanges (no lifecycle receipts) on disk, all sessions, in file order. */
  exchangeReceipts(): Promise<ReceiptView[]>
  /** Refusals so far: receipted, suppressed or counted before they were an exchange. */
  refusals(): Promise<number>
  metrics(): Promise<string>
  admin(path: string, init?: { method?: string; body?: string; token?: string }): Promise<{ status: number; text: string }>
  /** Puts another configuration in force, written over the helper's as at the start. */
  reload(config: string): ReturnType<Companion['reload']>
  stop(): Promise<void>
}

export async function startTestCompanion(test: TestContext, options: TestCompanionOptions = {}): Promise<TestCompanion> {
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'chaperone-test-'))
  const auditFile = join(stateDir, 'audit.log')
  let text = testConfig(options, auditFile)
  const read = (): Config | ConfigErrors => parseConfig(text, 'test.yaml', options.env ?? {})
  const config = read()
  if (isConfigErrors(config)) throw new TestSetupError(JSON.stringify(config.problems))

  const folder = await openStateFolder(stateDir)
  const companion = await startCompanion(config, folder, { version: 'test', read })
  let isStopped = false
  const stop = async (): Promise<void> => {
    if (isStopped) return
    isStopped = true
    await companion.stop('test')
    await folder.release()
  }
  test.after(async () => {
    await stop()
    if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true })
  })

  const admin: TestCompanion['admin'] = async (path, { method = 'GET', body, token = folder.adminToken } = {}) => {
    const answer = await fetch(`http://127.0.0.1:${companion.adminPort}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body }),
    })
    return { status: answer.status, text: await answer.text() }
  }
  const metrics = async (): Promise<string> => (await admin('/metrics')).text
  return {
    companion,
    port: companion.listeners[0]?.port ?? 0,
    adminPort: companion.adminPort,
    stateDir,
    receiptsDir: folder.receiptsDir,
    events: () => {
      companion.flushLog()
      return readLines(auditFile)
    },
    exchangeReceipts: async () => {
      await companion.settle()
      return readReceipts(folder.receiptsDir).filter(({ transport }) => transport !== 'receipt_session')
    },
    refusals: async () => {
      await companion.settle()
      return sumOf(await metrics(), 'chaperone_refused_before_exchange_total') + sumOf(await metrics(), 'chaperone_blocked_total')
    },
    metrics,
    admin,
    reload: (next) => {
      text = testConfig({ ...options, config: next }, auditFile)
      return companion.reload()
    },
    stop,
  }
}

class TestSetupError extends Error {}

function testConfig({ config = '', allowLoopback = false }: TestCompanionOptions, auditFile: string): string {
  const has = (key: string): boolean => new RegExp(`^${key}:`, 'm').test(config)
  return [
    has('fetch_proxy') ? '' : 'fetch_proxy: {listen: "127.0.0.1:0"}\n',
    has('admin') ? '' : 'admin: {listen: "127.0.0.1:0"}\n',
    has('logging') ? '' : `logging: {output: file, file: ${JSON.stringify(auditFile)}}\n`,
    allowLoopback && !has('ssrf') ? 'ssrf: {ip_allowlist: [127.0.0.0/8]}\n' : '',
    config,
  ].join('')
}

export function readReceipts(receiptsDir: string): ReceiptView[] {
  return readdirSync(receiptsDir)
    .filter((name) => name.startsWith('evidence-') && name.endsWith('.jsonl'))
    .sort(byFirstSequence)
    .flatMap((name) => readLines(join(receiptsDir, name)))
    .filter(({ type }) => type === 'action_receipt')
    .map(({ detail }) => (detail as { action_record: ReceiptView }).action_record)
}

/** `…-<first sequence>.jsonl`: numbers, not text. */
function byFirstSequence(a: string, b: string): number {
  const [sessionA = '', firstA = ''] = splitName(a)
  const [sessionB = '', firstB = ''] = splitName(b)
  return sessionA === sessionB ? Number(firstA) - Number(firstB) : sessionA < sessionB ? -1 : 1
}

function splitName(name: string): string[] {
  return [name.slice(0, name.lastIndexOf('-')), /-([0-9]+)\.jsonl$/.exec(name)?.[1] ?? '']
}

function readLines(path: string): Record<string, unknown>[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  } catch {
    return []
  }
}

/** @returns the sum of all series of a counter in Prometheus text */
export function sumOf(text: string, name: string, labels = ''): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
