/** `chaperone verify`: proves receipts offline, with public keys alone. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'

import type { Command } from 'commander'

import type { CommandContext } from '../command-context.ts'
import { parseTrustedKey, verifyReceipt, verifyRecorder, type ReceiptVerification, type SourceFile, type Verification } from '../../verify/index.ts'

interface VerifyOptions {
  readonly key: readonly string[]
  readonly json?: boolean
  readonly allowUnpinned?: boolean
}

const EXIT_INVALID = 1
const EXIT_COULD_NOT_RUN = 2
const EVIDENCE = /^(evidence-.*\.jsonl|retired-.*\.json)$/

export function addVerifyCommand(program: Command, context: CommandContext): void {
  program
    .command('verify')
    .description('verify receipts: a receipt, a recorder file, or a folder of sessions; exit code 0 valid, 1 invalid, 2 could not run')
    .argument('<path>', 'file or folder')
    .option('-k, --key <key>', 'trusted public key: 64 hex digits, a versioned key text, or a key file; repeatable', (value: string, keys: string[]) => [...keys, value], [])
    .option('--allow-unpinned', 'accept receipts whose signer is not checked against a trusted key')
    .option('--json', 'print the whole report as JSON')
    .action((path: string, options: VerifyOptions) => {
      context.setExit(runVerify(path, options, context))
    })
}

/** @returns the exit code */
export function runVerify(path: string, options: VerifyOptions, context: CommandContext): number {
  let files: SourceFile[]
  let trustedKeys: string[]
  try {
    files = readEvidence(path)
    trustedKeys = options.key.map(readKey)
  } catch (error) {
    context.stderr(`chaperone verify: ${error instanceof Error ? error.message : 'cannot read'}`)
    return EXIT_COULD_NOT_RUN
  }
  const settings = { trustedKeys, allowUnpinned: options.allowUnpinned === true }
  const [only] = files
  const isSingle = only !== undefined && files.length === 1 && !only.name.toLowerCase().endsWith('.jsonl')
  const report = isSingle ? verifyReceipt(only.content, settings) : verifyRecorder(files, settings)
  context.stdout(options.json === true ? JSON.stringify(report, bigintAsText, 2) : describeReport(path, report))
  return report.valid ? 0 : EXIT_INVALID
}

function readKey(text: string): string {
  const isFile = existsSync(text)
  try {
    return parseTrustedKey(isFile ? readFileSync(text, 'utf8') : text)
  } catch {
    throw new UnusableInput(`--key: expected 64 hex digits, a versioned public key text or a file with one${isFile ? `, got the file ${text}` : ''}`)
  }
}

/** At most this many of each list are printed; `--json` prints all. */
const MAX_PRINTED = 20

function describeReport(path: string, report: Verification | ReceiptVerification): string {
  const { valid, trust, faults, warnings } = report
  const pinned = trust === 'pinned' ? '' : ' (UNPINNED: the signer was not checked against a trusted key)'
  const lines = [`${valid ? 'VALID' : 'INVALID'}: ${path}${pinned}`]
  if ('counts' in report) lines.push(...describeCounts(report))
  lines.push(...listed('fault', faults.map(({ code, cause, session, sequence, file }) => `${code}: ${cause}${place({ session, sequence, file })}`)))
  lines.push(...listed('warning', warnings.map(({ code, cause, session, sequence, file }) => `${code}: ${cause}${place({ session, sequence, file })}`)))
  if ('openIntents' in report) lines.push(...listed('open intent', report.openIntents.map((intent) => JSON.stringify(intent, bigintAsText))))
  return lines.join('\n')
}

function describeCounts({ counts, head }: Verification): string[] {
  const lines = [`  ${counts.receipts} receipts in ${counts.sessions} sessions, ${counts.checkpoints} checkpoints, ${counts.files} files`]
  if (head !== undefined) lines.push(`  head: session ${head.session ?? '-'}, sequence ${head.sequence}, hash ${head.hash}, ${head.timestamp}`)
  return lines
}

function listed(name: string, items: readonly string[]): string[] {
  const rest = items.length - MAX_PRINTED
  return [...items.slice(0, MAX_PRINTED).map((item) => `  ${name}: ${item}`), ...(rest > 0 ? [`  ... and ${rest} more: see --json`] : [])]
}

function place(parts: { session?: string | undefined; sequence?: number | string | undefined; file?: string | undefined }): string {
  const words = Object.entries(parts).flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]))
  return words.length === 0 ? '' : ` (${words.join(', ')})`
}

class UnusableInput extends Error {
  override readonly name = 'UnusableInput'
}

function readEvidence(path: string): SourceFile[] {
  if (!statSync(path).isDirectory()) return [{ name: basename(path), content: readFileSync(path) }]
  const names = readdirSync(path).filter((name) => EVIDENCE.test(name))
  if (names.length === 0) throw new UnusableInput(`${path}: no evidence files (evidence-*.jsonl) in this folder`)
  return names.map((name) => {
    // A pipe among them would be waited for, and a device never ends.
    if (!statSync(join(path, name)).isFile()) throw new UnusableInput(`${path}: expected regular files, and evidence-*.jsonl or retired-*.json is another thing here`)
    return { name, content: readFileSync(join(path, name)) }
  })
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
