/** `chaperone demo`: an origin, a companion that allows it alone, and a tour of what passes and what does not. */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Command } from 'commander'

import { isConfigErrors, parseConfig, type Config } from '../../config/index.ts'
import { startCompanion, type Companion } from '../../server.ts'
import { openStateFolder } from '../../state/index.ts'
import { startCountingOrigin, type CountingOrigin } from '../../testing/index.ts'
import { askThroughProxy } from '../proxy-client.ts'
import type { CommandContext } from '../command-context.ts'
import { VERSION } from '../version.ts'
import { runVerify } from './verify.ts'

const ORIGIN_NAME = 'origin.demo.test'

export function addDemoCommand(program: Command, context: CommandContext): void {
  program
    .command('demo')
    .description('start an origin and a companion that allows it alone, and show what passes and what does not')
    .option('--once', 'end after the tour; otherwise both keep running until Ctrl-C')
    .action(async (options: { once?: boolean }) => {
      await demo(options.once === true ? 'once' : 'stay', context)
    })
}

async function demo(mode: 'once' | 'stay', context: CommandContext): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'chaperone-demo-'))
  const origin = await startCountingOrigin()
  const config = demoConfig(dir)
  const folder = await openStateFolder(join(dir, 'state'))
  const companion = await startCompanion(config, folder, { version: VERSION, read: () => config })
  const port = companion.listeners[0]?.port ?? 0
  try {
    await tour(origin, port, context)
    const { stdout } = context
    if (mode === 'stay') {
      stdout(`\nYour turn:  curl -x http://127.0.0.1:${port} http://${ORIGIN_NAME}:${origin.port}/hello     (Ctrl-C ends the demo)`)
      await interrupted()
    }
    await companion.stop('demo')
    prove(companion, folder.receiptsDir, context)
  } finally {
    await companion.stop('demo')
    await folder.release()
    await origin.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function tour(origin: CountingOrigin, port: number, { stdout }: CommandContext): Promise<void> {
  // Made now: a credential-looking text in a source file would alarm the scanners of whoever keeps it.
  const fakeKey = `AKIA${randomBytes(16).toString('base64').replace(/[^A-Z2-7]/gi, 'Q').toUpperCase().slice(0, 16)}`
  const base = `http://${ORIGIN_NAME}:${origin.port}`
  const steps = [
    ['an allowed request', `${base}/hello`],
    ['a host that is not on the allow list', 'http://elsewhere.test/'],
    ['a credential in the URL', `${base}/upload?key=${fakeKey}`],
    ['the cloud metadata address', 'http://169.254.169.254/latest/meta-data/'],
    ["the companion's own port", `http://127.0.0.1:${port}/`],
  ] as const
  for (const [what, url] of steps) {
    const { status, reason } = await askThroughProxy(port, url)
    stdout(`${what.padEnd(38)} ${reason === undefined ? `allowed, ${status}` : `refused, ${status} ${reason}`}`)
  }
  stdout(`${'requests that reached the origin'.padEnd(38)} ${origin.requests()}`)
}

function prove({ publicKeyHex }: Companion, receiptsDir: string, context: CommandContext): void {
  context.stdout(`\n$ chaperone verify ${receiptsDir} --key ${publicKeyHex}`)
  context.setExit(runVerify(receiptsDir, { key: [publicKeyHex] }, context))
}

function demoConfig(dir: string): Config {
  const hostsFile = join(dir, 'hosts')
  writeFileSync(hostsFile, `127.0.0.1 ${ORIGIN_NAME}\n`)
  const text = [
    'mode: strict',
    `api_allowlist: [${ORIGIN_NAME}, 169.254.169.254, 127.0.0.1]`,
    'ssrf: {ip_allowlist: [127.0.0.1/32]}',
    'fetch_proxy: {listen: "127.0.0.1:0"}',
    'admin: {listen: "127.0.0.1:0"}',
    `dns: {hosts_file: ${JSON.stringify(hostsFile)}}`,
    `logging: {output: file, file: ${JSON.stringify(join(dir, 'audit.log'))}}`,
  ].join('\n')
  const config = parseConfig(text, 'demo.yaml', {})
  if (isConfigErrors(config)) throw new DemoError(config.problems.map(({ message }) => message).join(', '))
  return config
}

class DemoError extends Error {
  override readonly name = 'DemoError'
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => { resolve() })
    process.once('SIGTERM', () => { resolve() })
  })
}
