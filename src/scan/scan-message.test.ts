/** Whole messages: credentials in URL, headers and bodies are found in every form, and look-alikes pass. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { hideFindings } from './hide-findings.ts'
import { hideTarget, openScan, scanWhole, type ScanContext, type WholeMessage } from './index.ts'

const letters = (length: number, alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'): string => [...randomBytes(length)].map((byte) => alphabet[byte % alphabet.length]).join('')
const WORD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const context: ScanContext = { direction: 'request', dlp: { includeDefaults: true, patterns: [], responseAction: 'allow' }, host: 'elsewhere.test', scheme: 'http' }
const message = (parts: Partial<WholeMessage>): WholeMessage => ({ url: 'http://elsewhere.test/', headers: [], body: Buffer.alloc(0), ...parts })
const rulesOf = (parts: Partial<WholeMessage>, changes: Partial<ScanContext> = {}): string[] => scanWhole({ ...context, ...changes }, message(parts)).map(({ rule }) => rule)

// Made at run time: no text in this file looks like a credential.
const awsKey = (): string => `AKIA${letters(16)}`
const anthropicKey = (): string => `sk-ant-api03-${letters(95, WORD)}`
const pem = (): string => `-----BEGIN PRIVATE KEY-----\n${randomBytes(300).toString('base64')}\n-----END PRIVATE KEY-----\n`

test('a credential is found in URL, header and body, as it is and encoded', () => {
  const key = awsKey()
  const forms: [string, Partial<WholeMessage>][] = [
    ['url', { url: `http://x.test/?k=${key}` }],
    ['percent', { url: `http://x.test/?k=%41${key.slice(1)}%zz` }],
    ['double percent', { url: `http://x.test/?k=%2541${key.slice(1)}` }],
    ['base64 in url', { url: `http://x.test/${Buffer.from(`prefix ${key} suffix`).toString('base64url')}` }],
    ['hex in url', { url: `http://x.test/${Buffer.from(key).toString('hex')}` }],
    ['header', { headers: ['X-Note', `see ${key}`] }],
    ['body', { body: Buffer.from(`{"a":"${key}"}`) }],
    ['json escape', { body: Buffer.from(`{"a":"\\u0041${key.slice(1)}"}`) }],
    ['base64 in body', { body: Buffer.from(`:"${Buffer.from(`a ${key}`).toString('base64')}"`) }],
    ['second line', { body: Buffer.from(`one\n${key}\n`) }],
  ]
  for (const [name, parts] of forms) assert.ok(rulesOf(parts).includes('dlp.aws_access_key'), name)
})

test('a private key block and a provider key are found; the provider\'s own host may have its key in a header', () => {
  assert.ok(rulesOf({ body: Buffer.from(pem()) }).includes('dlp.private_key'))
  const key = anthropicKey()
  assert.notDeepEqual(rulesOf({ headers: ['x-api-key', key] }), [])
  assert.deepEqual(rulesOf({ headers: ['x-api-key', key] }, { host: 'api.anthropic.com', scheme: 'https' }), [])
  assert.notDeepEqual(rulesOf({ body: Buffer.from(key) }, { host: 'api.anthropic.com', scheme: 'https' }), [])
})

test('a compressed body is read, and one that cannot be read is a finding', () => {
  const body = gzipSync(`secret ${awsKey()}`)
  assert.deepEqual(rulesOf({ headers: ['Content-Encoding', 'gzip'], body }), ['dlp.aws_access_key'])
  assert.deepEqual(rulesOf({ headers: ['Content-Encoding', 'gzip'], body: gzipSync('nothing') }), [])
  for (const coding of ['zstd', 'gzip, wonders']) assert.deepEqual(rulesOf({ headers: ['Content-Encoding', coding], body }), ['scan.unreadable_encoding'], coding)
  assert.deepEqual(rulesOf({ headers: ['Content-Encoding', 'gzip'], body: gzipSync(Buffer.alloc(40 * 1024 * 1024)) }), ['scan.unreadable_encoding'], 'a bomb')
})

test('what only looks like a credential passes', () => {
  const clean = [
    'https://x.test/asia1234567890abcdefgh/page?id=3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    `https://github.com/a/b/commit/${randomBytes(20).toString('hex')}`,
    `https://etherscan.io/tx/0x${randomBytes(32).toString('hex')}`,
    `https://docs.google.com/document/d/1${letters(43, WORD)}/edit`,
    `https://bucket.s3.amazonaws.com/key?X-Amz-Credential=${awsKey()}%2F20260101%2Fus-east-1%2Fs3%2Faws4_request`,
  ]
  for (const url of clean) assert.deepEqual(rulesOf({ url }), [], url)
  const bodies = [`"integrity": "sha512-${randomBytes(64).toString('base64')}"`, `task${randomBytes(16).toString('hex')}`, 'your password is safe with us', `data:image/png;base64,${Buffer.alloc(3000, 7).toString('base64')}`]
  for (const body of bodies) assert.deepEqual(rulesOf({ body: Buffer.from(body) }), [], body.slice(0, 40))
})

test('own patterns match for the profile that has them, with or without the built-in rules', () => {
  const dlp = { includeDefaults: false, patterns: [{ name: 'project', regex: '(?i)codename-[a-z]{4}', severity: 'high' as const }], responseAction: 'allow' as const }
  assert.deepEqual(rulesOf({ body: Buffer.from(`CODENAME-wolf ${awsKey()}`) }, { dlp }), ['custom.project'])
  assert.deepEqual(rulesOf({ body: Buffer.from('codename-wolf') }), [])
})

test('findings hold offsets and never the text, and hiding them leaves the rest of the URL as it was', () => {
  const key = awsKey()
  const url = `http://x.test/?a=1&k=${key}&z=2`
  const findings = scanWhole(context, message({ url }))
  assert.ok(!JSON.stringify(findings).includes(key))
  assert.equal(hideFindings(url, findings, 'url'), 'http://x.test/?a=1&k=[redacted:dlp.aws_access_key]&z=2')
})

test('a credential cut anywhere between two chunks is found, and what was held back covers its first byte', () => {
  const text = `some words before ${awsKey()} and after`
  for (let cut = 1; cut < text.length; cut++) {
    const scan = openScan(context)
    const segment = { kind: 'body', name: '' } as const
    const first = scan.write(segment, Buffer.from(text.slice(0, cut)))
    const released = cut - scan.heldBack
    const found = [...first, ...scan.write(segment, Buffer.from(text.slice(cut))), ...scan.end()]
    assert.deepEqual(found.map(({ rule, start }) => [rule, start]), [['dlp.aws_access_key', 18]], `cut at ${cut}`)
    if (first.length === 0) assert.ok(released <= 18, `cut at ${cut} released ${released}`)
  }
})

test('a megabyte of near misses is scanned', () => {
  const flood = Buffer.from(`AKIA`.repeat(262_144))
  assert.deepEqual(rulesOf({ body: flood }), [])
})

test('a target is shown without a credential that its own host may read', () => {
  const token = randomBytes(51).toString('base64url')
  const url = `https://discord.com/api/webhooks/123456789012345678/${token}`
  const dlp = { includeDefaults: true, patterns: [], responseAction: 'allow' } as const
  assert.deepEqual(scanWhole({ direction: 'request', dlp, host: 'discord.com', scheme: 'https' }, { url, headers: [], body: Buffer.alloc(0) }), [])
  assert.ok(!hideTarget(url, dlp).includes(token))
  assert.equal(hideTarget('https://discord.com/api/gateway?v=10', dlp), 'https://discord.com/api/gateway?v=10')
})
