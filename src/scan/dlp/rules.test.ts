/** Every rule: what it looks for is found, and the engine finds in any text exactly what the plain patterns find in it. */

import assert from 'node:assert/strict'
import { createHash, randomInt } from 'node:crypto'
import { test } from 'node:test'

import { base58 } from '@scure/base'
import { bech32 } from '@scure/base'
import fc from 'fast-check'

import { textOfPattern } from '../../../test/support/text-of-pattern.ts'
import type { ScanContext } from '../layer.ts'
import { scanWhole } from '../scan-message.ts'
import { crcTail } from './checksum.ts'
import { CREDENTIAL_RULES } from './credential-rules.ts'
import type { MatchPlace, SecretRule } from './secret-rule.ts'

const context: ScanContext = { direction: 'request', dlp: { includeDefaults: true, patterns: [], responseAction: 'allow' }, host: 'elsewhere.test', scheme: 'http', standing: 'new' }
const find = (body: string): ReturnType<typeof scanWhole> => scanWhole(context, { url: '', headers: [], body: Buffer.from(body, 'latin1') })
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
const bytesOf = (length: number, ...first: number[]): Uint8Array => Uint8Array.from([...first, ...Array.from({ length: length - first.length }, () => randomInt(256))])
const base58Check = (payload: Uint8Array): string => base58.encode(Buffer.concat([payload, sha256(sha256(payload)).subarray(0, 4)]))
const wordOf = (length: number): string => Array.from({ length }, () => 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'.charAt(randomInt(56))).join('')
const jwt = (): string => [{ alg: 'HS256', typ: 'JWT' }, { sub: wordOf(12), iat: 1 }, wordOf(30)].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')

/** Where the shape alone does not make a sample: checksums, context, structure. */
const SAMPLES: Readonly<Record<string, () => string>> = {
  'dlp.npm_token': () => {
    const payload = wordOf(30)
    return `npm_${payload}${crcTail(payload)}`
  },
  'dlp.credit_card': () => 'card 4111 1111 1111 1111',
  'dlp.iban': () => 'GB82 WEST 1234 5698 7654 32',
  'dlp.bitcoin_private_key': () => base58Check(bytesOf(34, 0x80).map((byte, at) => (at === 33 ? 1 : byte))),
  'dlp.extended_private_key': () => base58Check(bytesOf(78, 0x04, 0x88, 0xad, 0xe4)),
  'dlp.bitcoin_address': () => (randomInt(2) === 0 ? base58Check(bytesOf(21, 0)) : bech32.encode('bc', [0, ...bech32.toWords(bytesOf(20))])),
  'dlp.ethereum_address': () => `wallet: 0x${Buffer.from(bytesOf(20)).toString('hex')}`,
  'dlp.ethereum_private_key': () => `private_key=0x${Buffer.from(bytesOf(32)).toString('hex')}`,
  'dlp.aws_secret_key': () => `aws_secret_access_key = ${wordOf(40)}`,
  'dlp.discord_bot_token': () => `${Buffer.from('123456789012345678').toString('base64url')}.${wordOf(6)}.${wordOf(30)}`,
  'dlp.mailgun_key': () => `mailgun key-${Buffer.from(bytesOf(16)).toString('hex')}`,
  'dlp.jwt': jwt,
  'dlp.azure_sas': () => `https://x.test/?sv=2022-11-02&se=2027-01-01&sig=${Buffer.from(bytesOf(32)).toString('base64').slice(0, 43)}%3D`.replace(/[+/](?=[^?]*%3D$)/g, 'A'),
  'dlp.private_key': () => `-----BEGIN PRIVATE KEY-----\n${Buffer.from(bytesOf(300)).toString('base64')}\n-----END PRIVATE KEY-----`,
  'dlp.putty_private_key': () => 'PuTTY-User-Key-File-3: ssh-ed25519\n',
  'dlp.database_url': () => `postgres://user:${wordOf(12)}@db.example.com/x`,
  'dlp.url_credentials': () => `https://user:${wordOf(12)}@www.example.com/x`,
  'dlp.social_security_number': () => '123-45-6789',
  'dlp.named_password': () => `password: ${wordOf(8)}7!`,
  'dlp.named_key': () => `api_key=${wordOf(30)}7`,
  'dlp.environment_secret': () => `MY_TOKEN=${wordOf(30)}7`,
  'dlp.gcp_service_account': () => '"type": "service_account", "private_key": "x"',
}
/** Told in parts of a message that a body is none of. */
const ELSEWHERE: ReadonlySet<string> = new Set(['dlp.url_token', 'dlp.basic_credentials'])

const ids = [...new Set(CREDENTIAL_RULES.map(({ rule }) => rule))]

test('there are at least a hundred kinds of credential, each with an issuer to ask', () => {
  assert.ok(ids.length >= 100, String(ids.length))
  for (const { rule, source, title } of CREDENTIAL_RULES) assert.ok(source.startsWith('https://') && title !== '', rule)
})

for (const row of CREDENTIAL_RULES.filter(({ rule }) => !ELSEWHERE.has(rule))) {
  test(`${row.rule} (${row.title}) is found where it stands, and not in the middle of a word`, () => {
    const sample = SAMPLES[row.rule] ?? (() => sampleOf(row))
    for (let round = 0; round < 20; round++) {
      const text = sample()
      assert.ok(find(`see ${text} there`).some(({ rule }) => rule === row.rule), text.slice(0, 12))
    }
    if (row.notAfter['x'.charCodeAt(0)] === 1 && row.back === undefined && SAMPLES[row.rule] === undefined) assert.ok(find(`x${sample()}`).every(({ rule, start }) => rule !== row.rule || start > 1))
  })
}

const place: MatchPlace = { kind: 'body', segment: '', host: 'elsewhere.test', direction: 'request', standing: 'new', isDecoded: false, before: () => '' }

/** A text that the shape matches whole and the judge takes. */
function sampleOf(row: SecretRule): string {
  for (let round = 0; round < 500; round++) {
    const text = textOfPattern(row.shape.source, randomInt)
    const match = new RegExp(row.shape.source, 'y').exec(text)?.[0]
    if (match === text && (row.judge === undefined || row.judge(text, place) !== undefined)) return text
  }
  return assert.fail(`no sample for ${row.rule}`)
}

/** The rows whose finding is the match of their shape wherever it stands. */
const PLAIN = CREDENTIAL_RULES.filter(({ run, pair, block }) => run === undefined && pair !== true && block === undefined)

/** What the patterns find when each is tried at every place, without automaton, windows and streams. */
function plainFindings(text: string): string[] {
  return PLAIN.flatMap((row) => {
    const sticky = new RegExp(row.shape.source, 'y')
    const found: string[] = []
    for (let at = 0; at < text.length; ) {
      sticky.lastIndex = at
      const match = at > 0 && row.notAfter[text.charCodeAt(at - 1)] === 1 ? undefined : sticky.exec(text)?.[0]
      const length = match === undefined ? 0 : foundLength(row, match, { ...place, before: () => text.slice(Math.max(0, at - 512), at) })
      if (length > 0) found.push(`${row.rule} ${at}-${at + length}`)
      at += Math.max(1, length)
    }
    return found
  })
}

/** @returns 0 where the match is no finding */
function foundLength(row: SecretRule, match: string, at: MatchPlace): number {
  if (match === '' || !hasLiteral(row, match)) return 0
  return row.judge === undefined || row.judge(match, at) !== undefined ? match.length : 0
}

/** A shape that a literal does not begin is reached by walking back from it. */
function hasLiteral({ literals, looseLiterals, back, startOf }: SecretRule, match: string): boolean {
  const folded = (text: string): string => (looseLiterals === true ? text.toLowerCase() : text).replace(/\d/g, '0')
  const isAtStart = back === undefined && startOf === undefined
  return literals.some((literal) => (isAtStart ? folded(match).startsWith(folded(literal)) : folded(match).includes(folded(literal))))
}

const sample = fc.constantFrom(...PLAIN.filter(({ rule }) => SAMPLES[rule] === undefined && !ELSEWHERE.has(rule))).map(sampleOf)
const special = fc.constantFrom(...Object.values(SAMPLES)).map((make) => make())
const cut = fc.tuple(sample, fc.nat(40)).map(([text, at]) => text.slice(0, -1 - (at % Math.max(1, text.length))))
const noise = fc.oneof(fc.constantFrom(' ', '\n', '"', ': ', '=', '.', '-', '_', 'x', 'and then '), fc.nat(40).map(wordOf))
const document = fc.array(fc.oneof({ arbitrary: noise, weight: 4 }, { arbitrary: sample, weight: 2 }, { arbitrary: special, weight: 1 }, { arbitrary: cut, weight: 1 }), { maxLength: 14 }).map((parts) => parts.join(''))

test('in generated documents the engine finds what the plain patterns find: no miss, no extra', () => {
  const rules = new Set(PLAIN.map(({ rule }) => rule))
  const runRules = new Set(CREDENTIAL_RULES.filter(({ run }) => run !== undefined).map(({ rule }) => rule))
  let total = 0
  fc.assert(
    fc.property(document, (text) => {
      const found = find(text)
        .filter(({ rule, views }) => views.length === 0 && rules.has(rule) && !runRules.has(rule))
        .map(({ rule, start, end }) => `${rule} ${start}-${end}`)
      const expected = plainFindings(text).filter((line) => !runRules.has(line.split(' ')[0] ?? ''))
      total += expected.length
      assert.deepEqual([...new Set(found)].sort(), [...new Set(expected)].sort())
    }),
    { numRuns: 400 },
  )
  assert.ok(total > 100, String(total))
})
