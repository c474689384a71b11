/** `chaperone check`: what the rules of a profile say of a URL, a text or a file, without a running companion. */

import { readFileSync } from 'node:fs'
import { extname } from 'node:path'

import type { Command } from 'commander'

import { describeCheck } from '../../admin/index.ts'
import { formatProblem, isConfigErrors, loadConfig } from '../../config/index.ts'
import { DEFAULT_PROFILE } from '../../model/agent.ts'
import type { CheckOrder, ContentCheck } from '../../model/content-check.ts'
import type { Profile } from '../../model/policy.ts'
import { checkOrder } from '../../server/check-order.ts'
import { EXIT_USAGE, type CommandContext } from '../command-context.ts'

const EXIT_FOUND = 1
const EXIT_COULD_NOT_RUN = 2
const STDIN = 0
const MAX_CONTENT_BYTES = 67_108_864

/** Types by which a file is read; any other is plain text. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['.json', 'application/json'], ['.html', 'text/html'], ['.htm', 'text/html'], ['.xml', 'application/xml'], ['.yaml', 'application/yaml'],
  ['.yml', 'application/yaml'], ['.csv', 'text/csv'], ['.md', 'text/markdown'],
])

interface CheckOptions {
  readonly url?: string
  readonly text?: string
  readonly file?: string
  readonly stdin?: boolean
  readonly profile: string
  readonly config?: string
  readonly json?: boolean
}

/** One question, and its answer: a text is asked about twice, as one that would leave and as one that would be read. */
interface Answer {
  readonly question: string
  readonly check: ContentCheck
}

export function addCheckCommand(program: Command, context: CommandContext): void {
  program
    .command('check')
    .description('say what a profile would do with a URL or a text, sent and read; exit code 0 it passes, 1 it would be blocked, 2 could not run')
    .option('--url <url>', 'a URL that an agent would ask for')
    .option('--text <text>', 'a text')
    .option('--file <file>', 'a file')
    .option('--stdin', 'what comes on standard input')
    .option('--profile <name>', 'profile whose rules apply', DEFAULT_PROFILE)
    .option('-c, --config <file>', 'configuration file')
    .option('--json', 'print JSON')
    .action((options: CheckOptions) => {
      context.setExit(runCheck(options, context))
    })
}

/** @returns the exit code */
function runCheck(options: CheckOptions, context: CommandContext): number {
  const given = [options.url, options.text, options.file, options.stdin].filter((option) => option !== undefined)
  if (given.length !== 1) {
    context.stderr('chaperone check: expected one of --url, --text, --file, --stdin')
    return EXIT_USAGE
  }
  const profile = loadProfile(options, context)
  if (profile === undefined) return EXIT_COULD_NOT_RUN
  let orders: readonly CheckOrder[]
  try {
    orders = readOrders(options)
  } catch (error) {
    context.stderr(`chaperone check: ${error instanceof Error ? error.message : 'cannot read'}`)
    return EXIT_COULD_NOT_RUN
  }
  const answers = orders.map((order): Answer => ({ question: QUESTIONS[order.kind], check: checkOrder(order, profile) }))
  context.stdout(options.json === true ? JSON.stringify({ profile: profile.name, checks: answers.map(toJson) }, undefined, 2) : answers.map(describeAnswer).join('\n'))
  return answers.some(({ check }) => check.decision === 'block') ? EXIT_FOUND : 0
}

const QUESTIONS: Readonly<Record<CheckOrder['kind'], string>> = { url: 'asked for', dlp: 'sent', prompt_injection: 'read', tool_call: 'called' }

function loadProfile({ config: file, profile: name }: CheckOptions, context: CommandContext): Profile | undefined {
  const config = loadConfig(file, context.environment)
  if (isConfigErrors(config)) {
    for (const problem of config.problems) context.stderr(formatProblem(problem))
    return undefined
  }
  const profile = config.policy.profiles.get(name)
  if (profile === undefined) context.stderr(`chaperone check: no profile ${name}; there is ${[...config.policy.profiles.keys()].join(', ')}`)
  return profile
}

/** @throws the error of the file system */
function readOrders({ url, text, file }: CheckOptions): readonly CheckOrder[] {
  if (url !== undefined) return [{ kind: 'url', url }]
  const bytes = text === undefined ? readContent(file ?? STDIN) : Buffer.from(text)
  const contentType = file === undefined ? undefined : TYPES.get(extname(file).toLowerCase())
  return [{ kind: 'dlp', bytes, contentType }, { kind: 'prompt_injection', bytes, contentType }]
}

function readContent(source: string | number): Buffer {
  const bytes = readFileSync(source)
  if (bytes.length > MAX_CONTENT_BYTES) throw new ContentTooLong(`more than ${MAX_CONTENT_BYTES} bytes`)
  return bytes
}

class ContentTooLong extends Error {
  override readonly name = 'ContentTooLong'
}

function toJson({ question, check }: Answer): object {
  return { question, ...describeCheck(check) }
}

function describeAnswer({ question, check: { decision, reason, findings } }: Answer): string {
  const head = `${question}: ${decision}${reason === undefined ? '' : ` (${reason})`}`
  const lines = findings.map(({ rule, severity, action, kind, views, start, end }) => `  ${rule}: ${severity}, ${action}, ${kind} ${start}-${end}${views.length === 0 ? '' : `, behind ${views.join(' and ')}`}`)
  return [head, ...lines].join('\n')
}
