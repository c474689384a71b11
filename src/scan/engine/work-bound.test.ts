/** How much work any input takes: bytes that are looked at per byte of input, counted, whatever the machine. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'

import fc from 'fast-check'

import type { ScanContext } from '../layer.ts'
import { compileRules } from './compile-rules.ts'
import { Hunt } from './hunt.ts'
import { ViewScan } from './view-scan.ts'

const context: ScanContext = { direction: 'request', dlp: { includeDefaults: true, patterns: [], responseAction: 'allow' }, host: 'elsewhere.test', scheme: 'http' }
/** Bytes looked at per byte of input, beyond a mebibyte that is free. */
const BOUND = 40
const FREE_STEPS = 1_048_576
const BYTES = 262_144

/** @returns how many bytes were looked at */
function stepsOf(bytes: Buffer, chunkBytes = bytes.length): number {
  const hunt = new Hunt(compileRules(context.dlp), context)
  const scan = new ViewScan(0)
  hunt.enter({ kind: 'body', name: '' })
  scan.begin(hunt)
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes)
    hunt.grant(chunk.length)
    scan.text.append(Buffer.from(chunk))
    scan.advance('open')
    scan.openOrigin()
    scan.forget()
  }
  scan.advance('complete')
  return hunt.steps
}

const repeated = (part: string): Buffer => Buffer.from(part.repeat(Math.ceil(BYTES / part.length)).slice(0, BYTES), 'latin1')
const nested = (depth: number, coding: 'base64' | 'hex'): Buffer => {
  let text = randomBytes(BYTES >> (coding === 'hex' ? depth + 1 : depth)).toString('base64')
  for (let level = 0; level < depth; level++) text = Buffer.from(text).toString(coding)
  return Buffer.from(text.slice(0, BYTES))
}

const FLOODS: Readonly<Record<string, Buffer>> = {
  'near misses of an access key': repeated('AKIA-'),
  'prefixes without bodies': repeated('ghp_ sk-ant- xoxb- AIza glpat- '),
  'long near misses': repeated(`sk-ant-${'a'.repeat(250)} `),
  'beginnings of tokens': repeated('.eyJ'),
  'tokens without signatures': repeated('.eyJaaaaaaaaaaaa.eyJaaaaaaaaaaa'),
  'heads of key blocks': repeated('-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAA\n'),
  'first dashes': repeated('-----BEGIN '),
  'names of secrets': repeated('password=password: "secret_key '),
  'labels of a key': repeated('secret_access_key'),
  'URLs with user names': repeated('https://user:x@'),
  digits: repeated('4111 1111 1111 1111 1111 '),
  'country codes': repeated('DE00 GB00 '),
  percent: repeated('%25%32%35'),
  'percent signs': repeated('%'),
  backslashes: repeated('\\'),
  ampersands: repeated('&amp;amp;'),
  'letters apart': repeated('A K I A '),
  'look-alikes': Buffer.from('ＡＫＩＡ'.repeat(BYTES / 12)),
  'bytes beyond ASCII': Buffer.from(randomBytes(BYTES).map((byte) => byte | 0x80)),
  'random bytes': randomBytes(BYTES),
  'random base64': Buffer.from(randomBytes(BYTES).toString('base64').slice(0, BYTES)),
  'base64 of base64': nested(2, 'base64'),
  'base64 four times': nested(4, 'base64'),
  'hexadecimal three times': nested(3, 'hex'),
  'seed words': repeated('abandon ability able about above absent absorb abstract absurd abuse access accident account '),
}

for (const [name, bytes] of Object.entries(FLOODS)) {
  test(`${name}: the work is at most ${BOUND} bytes per byte`, (t) => {
    const steps = stepsOf(bytes)
    t.diagnostic(`${(steps / bytes.length).toFixed(2)} per byte`)
    assert.ok(steps <= BOUND * bytes.length + FREE_STEPS, String(steps / bytes.length))
  })
}

test('twice the input takes at most little more than twice the work', () => {
  for (const [name, bytes] of Object.entries(FLOODS)) {
    const [half, whole] = [stepsOf(bytes.subarray(0, BYTES / 2)), stepsOf(bytes)]
    assert.ok(whole <= 2.2 * half + 65_536, `${name}: ${half} and ${whole}`)
  }
})

test('generated mixtures of all of them keep the bound, in one piece and in many', () => {
  const part = fc.tuple(fc.constantFrom(...Object.values(FLOODS)), fc.nat(20_000)).map(([bytes, length]) => bytes.subarray(0, length))
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), fc.integer({ min: 16, max: 5000 }), (parts, chunkBytes) => {
      const bytes = Buffer.concat(parts)
      assert.ok(stepsOf(bytes) <= BOUND * bytes.length + FREE_STEPS)
      assert.ok(stepsOf(bytes, chunkBytes) <= BOUND * bytes.length + FREE_STEPS)
    }),
    { numRuns: 60 },
  )
})
