/**
 * What a scan costs: medians and throughput over clean and adversarial messages, and the memory of the engine. Run alone on the
 * machine: `node bin/node24.js bench/scan.ts`.
 */

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { openScan, scanWhole, type ScanContext, type WholeMessage } from '../src/scan/index.ts'
import { compileRules } from '../src/scan/engine/compile-rules.ts'

const MIB = 1_048_576
const BUDGET_MS = 1500
const context: ScanContext = { direction: 'request', dlp: { includeDefaults: true, patterns: [], responseAction: 'allow' }, host: 'api.example.com', scheme: 'https' }

const licence = readFileSync(fileURLToPath(new URL('../LICENSE', import.meta.url)), 'latin1')
const prose = licence.replace(/[^\n\x20-\x7e]/g, ' ')
const proseOf = (bytes: number): string => prose.repeat(Math.ceil(bytes / prose.length)).slice(0, bytes)
const chat = (bytes: number): Buffer =>
  Buffer.from(JSON.stringify({ model: 'm', messages: Array.from({ length: Math.ceil(bytes / 1000) }, (_, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content: proseOf(9000).slice((at * 37) % 8000).slice(0, 950) })) }))

const HEADERS = [
  'Host', 'api.example.com', 'User-Agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36', 'Accept', 'text/html,application/xhtml+xml', 'Accept-Language', 'en-US,en;q=0.5', 'Accept-Encoding', 'gzip',
  'Content-Type', 'application/json', 'X-Request-Id', '3f2504e0-4f89-41d3-9a0c-0305e82c3301', 'Cookie', 'session=abc; theme=dark', 'Cache-Control', 'no-cache', 'Via', '1.1 chaperone',
]
const URL_TEXT = 'https://api.example.com/path/to/thing'
const manyParameters = `${URL_TEXT}?${Array.from({ length: 20 }, (_, at) => `param${at}=value${at}`).join('&')}`
const withBody = (body: Buffer): WholeMessage => ({ url: URL_TEXT, headers: HEADERS, body })
const flood = (part: string): WholeMessage => withBody(Buffer.from(part.repeat(Math.ceil(MIB / part.length)).slice(0, MIB), 'latin1'))
const nested = (): Buffer => {
  let text = randomBytes(MIB / 4).toString('base64')
  for (let depth = 0; depth < 3; depth++) text = Buffer.from(text).toString('base64')
  return Buffer.from(text.slice(0, MIB))
}

const CASES: readonly (readonly [name: string, message: WholeMessage])[] = [
  ['clean URL, 10 headers', { url: URL_TEXT, headers: HEADERS, body: Buffer.alloc(0) }],
  ['clean URL with 20 parameters, 10 headers', { url: manyParameters, headers: HEADERS, body: Buffer.alloc(0) }],
  ['clean 10 KB body', { url: '', headers: [], body: Buffer.from(proseOf(10_240)) }],
  ['clean 1 MB body', withBody(Buffer.from(proseOf(MIB)))],
  ['200 KB chat body', withBody(chat(200_000))],
  ['1 MB random base64', withBody(Buffer.from(randomBytes(MIB).toString('base64').slice(0, MIB)))],
  ['1 MB base64 four times', withBody(nested())],
  ['1 MB random bytes', withBody(randomBytes(MIB))],
  ['1 MB near misses', flood('AKIA-')],
  ['1 MB prefixes', flood('ghp_ sk-ant- xoxb- AIza glpat- ')],
  ['1 MB percent escapes', flood('%41%20')],
  ['1 MB beginnings of tokens', flood('.eyJ')],
  ['10 MB clean body', withBody(Buffer.from(proseOf(10 * MIB)))],
]

function median(run: () => unknown): { readonly us: number; readonly runs: number } {
  for (const end = performance.now() + BUDGET_MS / 3; performance.now() < end; ) run()
  const times: number[] = []
  for (const end = performance.now() + BUDGET_MS; performance.now() < end || times.length < 5; ) {
    const begun = process.hrtime.bigint()
    run()
    times.push(Number(process.hrtime.bigint() - begun) / 1000)
  }
  times.sort((a, b) => a - b)
  return { us: times[times.length >> 1] ?? 0, runs: times.length }
}

function show(name: string, bytes: number, run: () => unknown): void {
  const { us, runs } = median(run)
  process.stdout.write(`${name.padEnd(44)} ${us.toFixed(1).padStart(12)} us  ${(bytes / us).toFixed(0).padStart(5)} MB/s  (${runs} runs)\n`)
}

for (const [name, message] of CASES) {
  const bytes = message.url.length + message.headers.join('').length + message.body.length
  show(name, bytes, () => scanWhole(context, message))
}

const BODY = { kind: 'body', name: '' } as const
const delta = Buffer.from('data: {"choices":[{"delta":{"content":"some words "}}]}\n\n')
const stream = openScan({ ...context, direction: 'response' })
show('one event of a stream of 56 bytes', delta.length, () => {
  stream.write(BODY, delta)
})

const before = process.memoryUsage()
const kept = Array.from({ length: 10 }, () => compileRules({ ...context.dlp }))
const after = process.memoryUsage()
const bytesOf = ({ heapUsed, arrayBuffers }: NodeJS.MemoryUsage): number => heapUsed + arrayBuffers
process.stdout.write(`rules of one profile: ${((bytesOf(after) - bytesOf(before)) / kept.length / MIB).toFixed(2)} MiB, ${kept[0]?.literals.depth.length ?? 0} states\n`)
