/** Streams: the same findings however the bytes are cut, and nothing of a finding released before it is told. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'

import fc from 'fast-check'

import { openScan, scanWhole, type ScanContext, type Segment } from './index.ts'
import type { Finding } from '../model/finding.ts'

const context: ScanContext = { direction: 'request', dlp: { includeDefaults: true, patterns: [{ name: 'ticket', regex: 'TICKET-[0-9]{6}', severity: 'low' }], responseAction: 'allow' }, host: 'elsewhere.test', scheme: 'http' }
const BODY: Segment = { kind: 'body', name: '' }
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const letters = (length: number, alphabet = ALPHANUMERIC): string => [...randomBytes(length)].map((byte) => alphabet[byte % alphabet.length]).join('')

// Made at run time: no text in this file looks like a credential.
const secret = fc.constantFrom(
  () => `AKIA${letters(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}`,
  () => `sk-ant-api03-${letters(95)}`,
  () => `glpat-${letters(20)}`,
  () => `-----BEGIN PRIVATE KEY-----\n${randomBytes(900).toString('base64')}\n-----END PRIVATE KEY-----\n`,
  () => `https://someone:${letters(12)}@db.example.com/x`,
  () => 'TICKET-123456',
).map((make) => make())

const encodings: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `(${text})`,
  (text) => Buffer.from(text).toString('base64'),
  (text) => `id_${Buffer.from(`ab${text}`).toString('base64url')}`,
  (text) => Buffer.from(Buffer.from(text).toString('hex')).toString('base64'),
  (text) => encodeURIComponent(text).replaceAll(/[A-G]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (text) => JSON.stringify(text).replaceAll(/[A-D]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`),
  (text) => Array.from(text).map((letter) => (letter === 'e' ? 'е' : letter)).join(''),
  (text) => Array.from(text).map((letter) => `&#${letter.charCodeAt(0)};`).join(''),
  (text) => Array.from(text).reverse().join(''),
]
const encoded = fc.tuple(secret, fc.constantFrom(...encodings)).map(([text, encode]) => encode(text))
const noise = fc.oneof(
  fc.constantFrom(' ', '\n', '"', ', "key": "', '%', '\\', '&', 'AKIA', '-----BEGIN ', 'sk-ant-', 'https://', 'a word or two ', 'é', '\\n', '%41', '======'),
  fc.nat(400).map((length) => letters(length)),
  fc.nat(6000).map((length) => randomBytes(length).toString('base64')),
  fc.nat(300).map((length) => randomBytes(length).toString('hex')),
)
const document = fc.array(fc.oneof({ arbitrary: noise, weight: 3 }, { arbitrary: encoded, weight: 1 }), { maxLength: 12 }).map((parts) => Buffer.from(parts.join('')))

/** What was split over fields is looked for in whole messages alone. */
const shown = (findings: readonly Finding[]): string[] => findings.filter(({ views }) => !views.includes('split')).map(({ rule, start, end, severity, views }) => `${start}-${end} ${rule} ${severity} ${views.join()}`).sort()

function cutInto(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...places, bytes.length].map((place, at) => bytes.subarray(at === 0 ? 0 : places[at - 1], place)).filter(({ length }) => length > 0)
}

/** Releases all but what is held back, and tells of the first finding whose first byte was already out. */
function stream(chunks: readonly Buffer[]): { readonly findings: Finding[]; readonly leaked: string | undefined } {
  const scan = openScan(context)
  const findings: Finding[] = []
  let [written, released, leaked] = [0, 0, undefined as string | undefined]
  for (const chunk of chunks) {
    const found = scan.write(BODY, Buffer.from(chunk))
    for (const { rule, start } of found) if (start < released) leaked ??= `${rule} at ${start}, released ${released} of ${written}`
    findings.push(...found)
    written += chunk.length
    released = Math.max(released, written - scan.heldBack)
  }
  const found = [...scan.endSegment(), ...scan.end()]
  for (const { rule, start } of found) if (start < released) leaked ??= `${rule} at ${start}, released ${released} at the end`
  return { findings: [...findings, ...found], leaked }
}

test('chunk boundaries anywhere give the same findings, which are those of the whole, and no first byte is released early', () => {
  let found = 0
  fc.assert(
    fc.property(document, fc.array(fc.nat(), { maxLength: 12 }), (bytes, cuts) => {
      const whole = shown(scanWhole(context, { url: '', headers: [], body: bytes }))
      const { findings, leaked } = stream(cutInto(bytes, cuts))
      found += whole.length
      assert.deepEqual(shown(findings), whole)
      assert.equal(leaked, undefined)
    }),
    { numRuns: 400 },
  )
  assert.ok(found > 100, `${found} findings`)
})

test('a stream of single bytes gives what the whole gives', () => {
  fc.assert(
    fc.property(document, (bytes) => {
      const { findings, leaked } = stream(cutInto(bytes, [...bytes.keys()]))
      assert.deepEqual(shown(findings), shown(scanWhole(context, { url: '', headers: [], body: bytes })))
      assert.equal(leaked, undefined)
    }),
    { numRuns: 40 },
  )
})
