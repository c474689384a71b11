/**
 * Hostile texts without end, for ten minutes (CHAPERONE_FUZZ_SECONDS says otherwise): the scanner never fails, never works more
 * than a bounded time on a byte, finds the same however the bytes are cut, has released nothing of what it finds, and what
 * redaction replaces is all that it changes.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { SYSTEM_CLOCK } from '../../src/base/clock.ts'
import type { Finding } from '../../src/model/finding.ts'
import type { RedactionPolicy } from '../../src/model/policy.ts'
import { ALL_CREDENTIALS, redactFindings } from '../../src/redact/index.ts'
import { openScan, type Segment } from '../../src/scan/index.ts'
import { hostileText } from '../support/hostile-texts.ts'
import { aContext, findingsIn } from '../support/message-scan.ts'
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts'

const DEFAULT_SECONDS = 600
const seconds = Number(process.env['CHAPERONE_FUZZ_SECONDS'] ?? DEFAULT_SECONDS)
/** Processor time, on texts of at least 4 KiB: ordinary text takes a hundredth of it. */
const MAX_MICROSECONDS_PER_BYTE = 3
const MEASURED_FROM_BYTES = 4096
/** A measurement over the bound is repeated: this machine does other things, too. */
const REPEATS = 5
const CONTENT_TYPES = ['application/json', 'text/plain', 'text/html', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x7boundary', 'image/png']
const POLICY: RedactionPolicy = { profile: 'fuzz', classes: [ALL_CREDENTIALS, 'email', 'ipv4', 'ipv6', 'fqdn', 'sha256'], dictionaries: [], maxRedactions: 10_000 }
const BODY: Segment = { kind: 'body', name: '' }

const keyOf = ({ rule, start, end, views }: Finding): string => `${rule} ${start}-${end} ${views.join('/')}`
const keysOf = (findings: readonly Finding[]): string[] => [...new Set(findings.map(keyOf))].sort()

function microsecondsPerByte(body: Buffer): number {
  const before = process.cpuUsage()
  findingsIn({ body })
  const { user, system } = process.cpuUsage(before)
  return (user + system) / body.length
}

/** @returns the least of some measurements; 0 for a short text */
function workPerByte(body: Buffer): number {
  if (body.length < MEASURED_FROM_BYTES) return 0
  let least = Number.POSITIVE_INFINITY
  for (let repeat = 0; repeat < REPEATS && least > MAX_MICROSECONDS_PER_BYTE; repeat++) least = Math.min(least, microsecondsPerByte(body))
  return least
}

/** @returns what is found in the text cut at random, having checked that nothing of it had been released */
function findInPieces(body: Buffer, random: SeededRandom): readonly Finding[] {
  const scan = openScan(aContext({ direction: 'request' }))
  const all: Finding[] = []
  let released = 0
  for (let at = 0; at < body.length; ) {
    const size = 1 + random.below(random.below(4) === 0 ? body.length : 64)
    const found = scan.write(BODY, body.subarray(at, at + size))
    at = Math.min(body.length, at + size)
    for (const { rule, start } of found) if (isHeld(rule)) assert.ok(start >= released, `${rule} at ${start} after ${released} were released`)
    all.push(...found)
    released = Math.max(released, at - scan.heldBack)
  }
  const last = [...scan.endSegment(), ...scan.end()]
  for (const { rule, start } of last) if (isHeld(rule)) assert.ok(start >= released, `${rule} at ${start} after ${released} were released`)
  return [...all, ...last]
}

/** The one finding that concerns a whole segment. */
function isHeld(rule: string): boolean {
  return rule !== 'scan.decode_budget'
}

function checkRedaction(bytes: Buffer, contentType: string, findings: readonly Finding[]): void {
  const redacted = redactFindings({ bytes, contentType, contentEncoding: '' }, findings, POLICY)
  if ('unsafe' in redacted) return
  let at = 0
  const kept: Buffer[] = []
  for (const { start, end, text } of redacted.edits) {
    assert.ok(at <= start && start < end && end <= bytes.length)
    kept.push(bytes.subarray(at, start), text)
    at = end
  }
  assert.ok(Buffer.concat([...kept, bytes.subarray(at)]).equals(redacted.bytes), 'something else changed')
  for (const { rule, start, end } of findings) assert.ok(!isHeld(rule) || redacted.edits.some((edit) => edit.start < end && edit.end > start), `${rule} ${start}-${end} was left in ${contentType}`)
  assert.ok(!isJson(bytes) || isJson(redacted.bytes), 'JSON is JSON no more')
}

function isJson(bytes: Buffer): boolean {
  try {
    return /^\s*[[{]/.test(bytes.toString('latin1')) && JSON.parse(bytes.toString()) !== undefined
  } catch {
    return false
  }
}

test(`the scanner withstands hostile texts for ${seconds} seconds`, (test) => {
  const random = seededRandom(`fuzz ${process.env['CHAPERONE_SEED'] ?? String(SYSTEM_CLOCK.nowMs())}`)
  const endMs = SYSTEM_CLOCK.monotonicMs() + seconds * 1000
  let [texts, bytes, found, worst] = [0, 0, 0, 0]
  while (SYSTEM_CLOCK.monotonicMs() < endMs) {
    const body = hostileText(random)
    try {
      const findings = findingsIn({ body })
      for (const { start, end } of findings) assert.ok(start >= 0 && start <= end && end <= body.length)
      assert.deepEqual(keysOf(findInPieces(body, random)), keysOf(findInPieces(body, random)))
      const work = workPerByte(body)
      assert.ok(work <= MAX_MICROSECONDS_PER_BYTE, `${work.toFixed(2)} µs per byte`)
      checkRedaction(body, random.pick(CONTENT_TYPES), findings)
      worst = Math.max(worst, work)
      found += findings.length
    } catch (thrown) {
      test.diagnostic(`base64 of the text (${body.length} bytes): ${body.toString('base64')}`)
      throw thrown
    }
    texts++
    bytes += body.length
  }
  test.diagnostic(`${texts} texts, ${(bytes / 1_048_576).toFixed(1)} MiB, ${found} findings, at worst ${worst.toFixed(2)} µs of processor time per byte`)
  assert.ok(found > 0, 'nothing was found: the texts are no test')
})
