/** `chaperone envelope inspect|verify`: a captured request of one companion to another, looked at and proven offline. */

import { existsSync, readFileSync } from 'node:fs'

import type { Command } from 'commander'
import { parse } from 'yaml'

import { sanitizeText } from '../../base/printable-text.ts'
import type { CommandContext } from '../command-context.ts'
import { CaptureError, inspectEnvelope, TrustInputError, verifyEnvelope, type EnvelopeInspection, type EnvelopeVerification, type SignatureInspection } from '../../verify/envelope/index.ts'

interface InspectOptions {
  readonly origin?: string
  readonly json?: boolean
}

interface VerifyOptions extends InspectOptions {
  readonly key: readonly string[]
  readonly trust?: string
  readonly receiver?: string
  readonly at?: string
}

const EXIT_INVALID = 1
const EXIT_COULD_NOT_RUN = 2
const STANDARD_INPUT = 0
const SECOND_MS = 1000
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/
const FILE = 'the request as it stood on the wire, head and body; - for standard input'

export function addEnvelopeCommand(program: Command, context: CommandContext): void {
  const envelope = program.command('envelope').description('look at signed calls between companions')
  envelope
    .command('inspect')
    .description('show what a captured request claims and what its signatures cover; exit code 0 readable, 1 malformed, 2 could not run')
    .argument('<file>', FILE)
    .option('--origin <url>', 'under which it was sent, for example https://b.example; https and its Host where not given')
    .option('--json', 'print JSON')
    .action((file: string, options: InspectOptions) => {
      run(context, 'inspect', () => runInspect(file, options, context))
    })
  envelope
    .command('verify')
    .description('verify the signature, body, key, actor and times of a captured request; exit code 0 valid, 1 invalid, 2 could not run')
    .argument('<file>', FILE)
    .option('-k, --key <key>', 'public key that may have signed: 64 hex digits, a versioned key text, or a key file; repeatable', (value: string, keys: string[]) => [...keys, value], [])
    .option('--trust <file>', 'trust list, YAML or JSON: what each key may say and reach')
    .option('--origin <url>', 'under which it was sent; its Host with https or http, as the signature has it, where not given')
    .option('--receiver <id>', 'SPIFFE id of the receiver; whom the request names where not given')
    .option('--at <time>', 'time at which to judge, like 2026-01-31T12:00:00Z; when the request says it was created where not given')
    .option('--json', 'print JSON')
    .action((file: string, options: VerifyOptions) => {
      run(context, 'verify', () => runVerify(file, options, context))
    })
}

/** What cannot be read or trusted ends with 2, in one line for each reason. */
function run(context: CommandContext, name: string, act: () => number): void {
  try {
    context.setExit(act())
  } catch (error) {
    if (!isUnusable(error)) throw error
    for (const line of error.message.split('\n')) context.stderr(`chaperone envelope ${name}: ${line}`)
    context.setExit(EXIT_COULD_NOT_RUN)
  }
}

function runInspect(file: string, { origin, json }: InspectOptions, context: CommandContext): number {
  const report = inspectEnvelope(readBytes(file), origin)
  context.stdout(json === true ? JSON.stringify(report, undefined, 2) : describeInspection(report))
  return report.faults.length === 0 ? 0 : EXIT_INVALID
}

function runVerify(file: string, options: VerifyOptions, context: CommandContext): number {
  const { key, trust, origin, receiver, at, json } = options
  const report = verifyEnvelope(readBytes(file), {
    keys: key.map((text) => (existsSync(text) ? readBytes(text).toString('utf8') : text)),
    ...(trust === undefined ? {} : { trustList: readTrust(trust) }),
    ...(origin === undefined ? {} : { origin }),
    ...(receiver === undefined ? {} : { receiver }),
    ...(at === undefined ? {} : { atS: readTime(at) }),
  })
  context.stdout(json === true ? JSON.stringify(report, undefined, 2) : describeVerification(file, report))
  return report.valid ? 0 : EXIT_INVALID
}

class UnusableInput extends Error {
  override readonly name = 'UnusableInput'
}

function isUnusable(error: unknown): error is Error {
  return error instanceof CaptureError || error instanceof TrustInputError || error instanceof UnusableInput
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? STANDARD_INPUT : file)
  } catch (cause) {
    throw new UnusableInput(`${file}: expected a readable file`, { cause })
  }
}

function readTrust(file: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new UnusableInput(`${file}: expected a readable trust list in YAML or JSON`, { cause })
  }
}

function readTime(text: string): number {
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time)) throw new UnusableInput('--at: expected a time like 2026-01-31T12:00:00Z')
  return Math.floor(time / SECOND_MS)
}

function describeInspection(report: EnvelopeInspection): string {
  const claims = Object.entries(report.mediation ?? {}).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`)
  return [
    `${report.method} ${sanitizeText(report.requestTarget)} to ${sanitizeText(report.host)}, ${report.bodyBytes} bytes of body`,
    `digest of the body: ${report.digest}`,
    ...(claims.length === 0 ? [] : ['claims of the mediation header (not verified):', ...claims]),
    ...report.signatures.flatMap(describeSignature),
    ...report.faults.map((fault) => `fault: ${fault}`),
  ].join('\n')
}

function describeSignature({ label, isMediation, components, params, base, fault }: SignatureInspection): string[] {
  const lines = [`signature ${label}${isMediation ? '' : ' (not a companion\'s)'}`]
  if (components.length > 0) lines.push(`  covers: ${components.join(' ')}`)
  for (const [name, value] of Object.entries(params)) lines.push(`  ${name}: ${JSON.stringify(value)}`)
  if (fault !== undefined) lines.push(`  fault: ${fault}`)
  if (base !== undefined) lines.push('  base:', ...base.split('\n').map((line) => `    ${line}`))
  return lines
}

function describeVerification(file: string, report: EnvelopeVerification): string {
  const { valid, reason = 'signature', detail = 'no key is the one of the signature', created, expires, atS } = report
  if (!valid) return `INVALID: ${file}: ${reason}: ${detail}`
  const trust = report.trust === 'listed' ? '' : ' (no trust list: the key was taken for the actor that the request names)'
  const facts = { actor: report.actor, key: report.keyId, origin: report.origin, action: report.requestId, 'hops, not proven here': report.hops?.join(' ') }
  return [
    `VALID: ${file}${trust}`,
    ...Object.entries(facts).flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`  ${name}: ${sanitizeText(value)}`])),
    `  created ${isoTime(created)}, expires ${isoTime(expires)}, judged at ${isoTime(atS)}`,
    '  a replay cannot be seen in one capture',
  ].join('\n')
}

function isoTime(seconds = 0): string {
  const date = new Date(seconds * SECOND_MS)
  return Number.isNaN(date.getTime()) ? `${seconds} s` : `${date.toISOString().slice(0, -'.000Z'.length)}Z`
}
