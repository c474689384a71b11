/** Drives public cases of agent-egress-bench through a companion that runs as a process, in a network namespace where every name is a fixture. */

import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import { sharedFolder } from './shared-folder.ts'
import { temporaryFolder } from './temporary-folder.ts'

const MAIN = fileURLToPath(new URL('../../bin/chaperone.js', import.meta.url))
/** Inside the namespace nobody else listens. */
const PORT = 18_888
const TIMEOUT_MS = 300_000
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024

export interface LiveCase {
  readonly id: string
  readonly category: string
  readonly transport: string
  readonly expected_verdict: 'allow' | 'block'
}

export interface LiveRow {
  readonly case_id: string
  readonly expected_verdict: 'allow' | 'block'
  readonly actual_verdict: 'allow' | 'block' | 'error'
  readonly notes: string
}

export interface LiveScore {
  readonly rows: readonly LiveRow[]
  /** Hosts of these cases were looked up although the case was refused. */
  readonly leakedByDns: readonly string[]
  /** Share of refusals whose label names the right family. */
  readonly labelMatch: number
}

/** @returns why no case can run here; `undefined` where they can */
export function liveCasesMissing(): string | undefined {
  if (sharedFolder('judge', 'aeb-runner', 'run.mjs') === undefined) return 'the live cases of agent-egress-bench'
  return spawnSync('unshare', ['-rnm', 'true']).status === 0 ? undefined : 'network and mount namespaces (unshare -rnm)'
}

export function listLiveCases(transports: readonly string[]): readonly LiveCase[] {
  const folder = sharedFolder('judge', 'cases') ?? ''
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'))
  const cases = files.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Partial<LiveCase>)
  return cases.filter((one): one is LiveCase => one.id !== undefined && one.transport !== undefined && transports.includes(one.transport))
}

/** @param config YAML beside the addresses to listen on */
export async function runLiveCases(test: TestContext, cases: readonly LiveCase[], config: string): Promise<LiveScore> {
  const dir = temporaryFolder(test)
  mkdirSync(join(dir, 'state'))
  const [file, out, summary] = ['chaperone.yaml', 'results.jsonl', 'summary.json'].map((name) => join(dir, name))
  if (file === undefined || out === undefined || summary === undefined) throw new LiveRunError('unreachable')
  writeFileSync(file, `fetch_proxy: {listen: "127.0.0.1:${PORT}"}\nadmin: {listen: "127.0.0.1:${PORT + 1}"}\n${config}`)
  const tool = [process.execPath, MAIN, 'start', '--config', file, '--state-dir', join(dir, 'state')].join(' ')
  const args = [
    sharedFolder('judge', 'aeb-runner', 'run.mjs') ?? '', sharedFolder('judge', 'cases') ?? '', '--quiet', '--out', out, '--summary', summary,
    '--only', cases.map(({ id }) => id).join(','),
  ]
  await runNode(args, { TOOL_CMD: tool, TOOL_NAME: 'chaperone', FETCH_URL: `http://127.0.0.1:${PORT}`, REQUIRE_VIA: 'via' })
  const told = JSON.parse(readFileSync(summary, 'utf8')) as { leaked_by_dns_although_blocked: string[]; scores: { applicable: { detection_label_match: number | null } } }
  const rows = readFileSync(out, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as LiveRow)
  return { rows, leakedByDns: told.leaked_by_dns_although_blocked, labelMatch: told.scores.applicable.detection_label_match ?? 0 }
}

function runNode(args: readonly string[], variables: Readonly<Record<string, string>>): Promise<void> {
  // The runner takes its routes from the environment: none but ours may be set. NODE_TEST_CONTEXT would make it report to this process.
  const foreign = /^(?:NODE_TEST_CONTEXT|PROXY_URL|WS_URL|MCP_CMD|MCP_HTTP|SCAN_API|AEB_.*)$/
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)))
  return new Promise((resolve, reject) => {
    const options = { env: { ...env, ...variables }, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' as const, maxBuffer: MAX_OUTPUT_BYTES }
    execFile(process.execPath, args, options, (error, _stdout, stderr) => {
      if (error === null) resolve()
      else reject(new LiveRunError(`the runner failed: ${stderr || error.message}`))
    })
  })
}

class LiveRunError extends Error {}
