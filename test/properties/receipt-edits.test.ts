/** Whatever is done to good evidence is told, and told at the right place; whatever is given to the verifier, it answers. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { type SourceFile, verifyAgentChain, type Verification, verifyReceipt, verifyRecorder } from '../../src/verify/index.ts'
import { Evidence, KEY } from '../support/build-evidence.ts'

const OPTIONS = { trustedKeys: [KEY.publicKey] }
const WHOLE = Evidence.whole()
const TEXT = WHOLE.text
const BYTES = Buffer.from(TEXT)
/** Receipts come first in the file: entry and receipt have the same number up to here. */
const RECEIPTS = WHOLE.receipts.length
const [NAME = ''] = WHOLE.files().map(({ name }) => name)

const verifyText = (content: string | Uint8Array) => verifyRecorder([{ name: NAME, content }], OPTIONS)
const linesToText = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('')
const anyReceipt = fc.integer({ min: 0, max: RECEIPTS - 1 })

test('the evidence that the others break is valid', () => {
  const { valid, faults, warnings } = verifyText(TEXT)
  assert.deepEqual({ valid, faults, warnings }, { valid: true, faults: [], warnings: [] })
})

/** Places of the faults, whichever of the numbers they carry. */
function placesOf({ faults }: Verification): Set<number> {
  return new Set(faults.flatMap(({ line, entry, sequence }) => [line === undefined ? -1 : line - 1, Number(entry ?? -1), Number(sequence ?? -1)]))
}

const LINE_FEED = 0x0a

test('one changed byte is found in the line in which it was changed', () => {
  const usual = fc.constantFrom(...Buffer.from('0123456789abcdefABCDEF"\\{}[]:, -+.eutrfn'))
  fc.assert(fc.property(fc.nat(BYTES.length - 1), fc.oneof(usual, fc.integer({ min: 0, max: 255 })), (at, byte) => {
    fc.pre(BYTES[at] !== byte)
    const edited = Buffer.from(BYTES)
    edited[at] = byte
    const report = verifyText(edited)
    const line = BYTES.subarray(0, at).toString('latin1').split('\n').length - 1
    // White space for the very last line feed changes nothing that anybody signed: it is said, not refused.
    if (report.valid) assert.deepEqual([at, report.warnings.length > 0], [BYTES.length - 1, true])
    // A line feed cuts the line in two, and the fault may lie in the second half.
    else assert.ok(placesOf(report).has(line) || (byte === LINE_FEED && placesOf(report).has(line + 1)), `line ${line}: ${JSON.stringify(report.faults)}`)
  }), { numRuns: 400 })
})

test('a receipt that is taken out is missed by the one behind it', () => {
  fc.assert(fc.property(anyReceipt, (at) => {
    const report = verifyText(linesToText(WHOLE.lines.filter((_, index) => index !== at)))
    assert.ok(!report.valid)
    // Behind the last receipt only the transcript root is left to miss it.
    assert.ok(placesOf(report).has(at + 1), JSON.stringify(report.faults))
  }))
})

test('a receipt that stands twice is found where it stands again', () => {
  fc.assert(fc.property(anyReceipt, (at) => {
    const report = verifyText(linesToText(WHOLE.lines.flatMap((line, index) => (index === at ? [line, line] : [line]))))
    assert.ok(!report.valid)
    assert.ok(report.faults.some(({ sequence }) => sequence === at), JSON.stringify(report.faults))
  }))
})

test('two receipts that change places are found at the first of the places', () => {
  fc.assert(fc.property(anyReceipt, anyReceipt, (a, b) => {
    fc.pre(a !== b)
    const lines = [...WHOLE.lines]
    ;[lines[a], lines[b]] = [lines[b] ?? '', lines[a] ?? '']
    const report = verifyText(linesToText(lines))
    assert.ok(!report.valid)
    assert.ok(placesOf(report).has(Math.max(a, b)), JSON.stringify(report.faults))
  }))
})

test('a file that is cut anywhere but behind a line feed names itself', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: BYTES.length - 2 }), (length) => {
    fc.pre(BYTES[length - 1] !== 0x0a && BYTES[length] !== 0x0a)
    const { valid, faults } = verifyText(BYTES.subarray(0, length))
    assert.ok(!valid)
    assert.ok(faults.some(({ code, file }) => code === 'torn_tail' && file === NAME))
  }))
})

test('a session that is split into shards, in any order, is the same session', () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: WHOLE.lines.length - 1 }), { maxLength: 4 }).map((at) => at.toSorted((a, b) => a - b))
  const shuffled = cuts.chain((at) => fc.shuffledSubarray(WHOLE.files(...at), { minLength: at.length + 1 }))
  fc.assert(fc.property(shuffled, (files) => {
    const report = verifyRecorder(files, OPTIONS)
    assert.deepEqual(report.faults, [])
    assert.equal(report.head?.hash, WHOLE.head.hash)
  }))
})

test('a bad byte, even inside a character, hides no other line', () => {
  const evidence = new Evidence()
  evidence.open()
  evidence.add({ target: 'https://ä.example/' })
  evidence.add()
  const bytes = Buffer.from(evidence.text)
  const inside = bytes.indexOf('ä') + 1
  const edited = Buffer.from(bytes)
  edited[inside] = 0xff
  const { faults, counts } = verifyText(edited)
  assert.deepEqual([faults[0]?.code, faults[0]?.line, counts.receipts], ['invalid_utf8', 2, 3])
  const torn = verifyText(bytes.subarray(0, inside))
  assert.deepEqual([torn.faults.map(({ code, line }) => [code, line]), torn.counts.receipts], [[['invalid_utf8', 2], ['torn_tail', 2]], 1])
  assert.deepEqual(verifyText(bytes).faults, [])
})

/** Evidence with some of it replaced by anything. */
const spoiled = fc.array(fc.tuple(fc.nat(TEXT.length), fc.nat(40), fc.string({ unit: 'binary' })), { minLength: 1, maxLength: 6 }).map((edits) =>
  edits.reduce((text, [at, length, other]) => text.slice(0, at) + other + text.slice(at + length), TEXT))
const anyContent = fc.oneof(
  spoiled,
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc.array(fc.json()).map((lines) => lines.join('\n')),
  fc.uint8Array({ maxLength: 400 }),
)
const anyName = fc.oneof(fc.constantFrom(NAME, 'a.jsonl', 'receipt.json', 'retired-a.json', 'evidence-a-1.jsonl', 'x.torn', ''), fc.string())

test('no input makes the verifier throw, and none that was spoiled is valid', () => {
  const anyFiles = fc.array(fc.record({ name: anyName, content: anyContent }), { maxLength: 4 })
  fc.assert(fc.property(anyFiles, (files: SourceFile[]) => {
    const report = verifyRecorder(files, OPTIONS)
    assert.equal(report.valid, report.faults.length === 0)
    assert.ok(!report.valid || files.some(({ content }) => content === TEXT))
    for (const { content } of files) assert.ok(!verifyReceipt(content, OPTIONS).valid)
    for (const file of files) assert.equal(typeof verifyAgentChain(file, OPTIONS).valid, 'boolean')
  }), { numRuns: 300 })
})

test('without trusted keys nothing is valid, unless that is asked for', () => {
  const files = WHOLE.files()
  assert.deepEqual(verifyRecorder(files, {}).faults.map(({ code }) => code), ['unpinned'])
  const asked = verifyRecorder(files, { allowUnpinned: true })
  assert.deepEqual([asked.valid, asked.trust], [true, 'unpinned'])
})
