/** No change to valid evidence goes unreported, and nothing that is put before the verifier makes it throw. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { type SourceFile, type Verification, verifyAgentChain, verifyReceipt, verifyRecorder } from '../../src/verify/index.ts'
import { Evidence, KEY } from '../support/build-evidence.ts'

const TRUSTED = { trustedKeys: [KEY.publicKey] }
const SESSIONS = [Evidence.whole('1')]
SESSIONS.push(Evidence.whole('2', SESSIONS[0]))
const FILES = SESSIONS.flatMap((evidence) => evidence.files(5)).map(({ name, content }) => ({ name, content: Buffer.from(content as string) }))
const BARE = Buffer.from(Evidence.whole().receipts.map((receipt) => `${receipt}\n`).join(''))

const fileAt = fc.nat({ max: FILES.length - 1 })
const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

function verifyWith(at: number, change: (content: Buffer) => Buffer): Verification {
  return verifyRecorder(FILES.map((file, index) => (index === at ? { ...file, content: change(file.content) } : file)), TRUSTED)
}

/** White space that JSON does not mean anything by is said, all else is a fault. */
function isReported({ valid, warnings }: Verification): boolean {
  return !valid || warnings.length > 0
}

test('the evidence that is tampered with below is valid without a word', () => {
  const { valid, faults, warnings } = verifyRecorder(FILES, TRUSTED)
  assert.deepEqual([valid, faults, warnings], [true, [], []])
  const bare = verifyRecorder([{ name: 'x.jsonl', content: BARE }], TRUSTED)
  assert.deepEqual([bare.valid, bare.warnings], [true, []])
})

test('one byte that is another is a fault', () => {
  fc.assert(fc.property(fileAt, position, fc.integer({ min: 1, max: 255 }), (at, where, delta) => {
    const result = verifyWith(at, (content) => {
      const changed = Buffer.from(content)
      const offset = Math.floor(where * content.length)
      changed[offset] = (changed[offset]! + delta) & 0xff
      return changed
    })
    assert.ok(isReported(result))
  }), { numRuns: 400 })
})

test('one byte that is not white space becomes a fault, never a warning only', () => {
  fc.assert(fc.property(fileAt, position, fc.integer({ min: 0x21, max: 0x7e }), (at, where, byte) => {
    const original = FILES[at]!.content
    const offset = Math.floor(where * original.length)
    fc.pre(original[offset] !== byte && original[offset] !== 0x0a)
    assert.equal(verifyWith(at, (content) => Buffer.concat([content.subarray(0, offset), Buffer.from([byte]), content.subarray(offset + 1)])).valid, false)
  }), { numRuns: 400 })
})

test('one byte that is gone, or there twice, is reported', () => {
  fc.assert(fc.property(fileAt, position, fc.boolean(), (at, where, isDoubled) => {
    const result = verifyWith(at, (content) => {
      const offset = Math.floor(where * content.length)
      return Buffer.concat([content.subarray(0, offset + (isDoubled ? 1 : 0)), content.subarray(offset + (isDoubled ? 0 : 1))])
    })
    assert.ok(isReported(result))
  }), { numRuns: 300 })
})

test('lines that are dropped, doubled or in another order are reported', () => {
  fc.assert(fc.property(fileAt, fc.nat(), fc.nat(), fc.constantFrom('drop', 'double', 'swap'), (at, first, second, act) => {
    const lines = FILES[at]!.content.toString().trimEnd().split('\n')
    const one = first % lines.length
    const two = second % lines.length
    fc.pre(act !== 'swap' || one !== two)
    const changed = act === 'drop' ? lines.toSpliced(one, 1) : act === 'double' ? lines.toSpliced(one, 0, lines[one]!) : lines.with(one, lines[two]!).with(two, lines[one]!)
    const result = verifyWith(at, () => Buffer.from(changed.map((line) => `${line}\n`).join('')))
    // The last checkpoint signs, and nothing behind it tells that there was one: its absence is a warning.
    if (act === 'drop' && one === lines.length - 1) assert.ok(isReported(result))
    else assert.equal(result.valid, false)
  }), { numRuns: 200 })
})

test('a file that is missing is a fault, unless it is the newest end', () => {
  for (const [at, file] of FILES.entries()) {
    if (at === FILES.length - 1) continue
    assert.equal(verifyRecorder(FILES.filter((other) => other !== file), TRUSTED).valid, false, file.name)
  }
})

test('a bare chain reports any byte that is another', () => {
  fc.assert(fc.property(position, fc.integer({ min: 0x21, max: 0x7e }), (where, byte) => {
    const offset = Math.floor(where * BARE.length)
    fc.pre(BARE[offset] !== byte && BARE[offset] !== 0x0a)
    const content = Buffer.concat([BARE.subarray(0, offset), Buffer.from([byte]), BARE.subarray(offset + 1)])
    assert.equal(verifyRecorder([{ name: 'x.jsonl', content }], TRUSTED).valid, false)
  }), { numRuns: 300 })
})

test('nothing throws: random bytes, random JSON, pieces of evidence in any mix', () => {
  const [line = ''] = SESSIONS[0]!.lines
  const piece = fc.oneof(
    fc.constantFrom(line, line.slice(0, 200), line.slice(200), '{"v":2,"detail":{}}', '{"action_record":{}}', '\n', '\0', '{"v":3}', '"__proto__"', '{"__proto__":{}}'),
    fc.json(), fc.string({ unit: 'binary' }),
  )
  const content = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('\n')))
  const name = fc.oneof(fc.constantFrom('x.jsonl', 'x.json', 'retired-x.json', 'evidence-x-0.jsonl', 'evidence--1.jsonl', 'a.torn', '__proto__'), fc.string())
  fc.assert(fc.property(fc.array(fc.record({ name, content }), { maxLength: 4 }), (files: SourceFile[]) => {
    verifyRecorder(files, TRUSTED)
    verifyRecorder(files, { allowUnpinned: true })
    for (const file of files) {
      verifyReceipt(file.content, TRUSTED)
      verifyAgentChain(file, TRUSTED)
    }
  }), { numRuns: 500 })
})

test('the time grows with the size of the evidence, not with its square', () => {
  const hostile = (size: number) => [
    { name: 'a.jsonl', content: `{"action_record":{}}\n${'{'.repeat(size)}\n` },
    { name: 'b.jsonl', content: `{"v":2,"x":"${'\\'.repeat(size)}` },
    { name: 'c.jsonl', content: `{"v":2}\n`.repeat(size / 8) },
    { name: 'd.jsonl', content: `{"v":2,"seq":${'9'.repeat(size)}}\n` },
    { name: 'e.jsonl', content: `{"v":2,"a":${' '.repeat(size)}1}` },
  ]
  const elapsed = (size: number) => {
    const startedMs = performance.now()
    verifyRecorder(hostile(size), TRUSTED)
    return performance.now() - startedMs
  }
  elapsed(50_000)
  const [small, large] = [elapsed(50_000), elapsed(800_000)]
  // 16 times the size; a square would be 256 times the time. Slack for a busy machine.
  assert.ok(large < small * 80 + 500, `${small} ms, then ${large} ms`)
})
