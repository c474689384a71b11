/** Reads a folder of evidence as a stranger would and checks every hash, link and signature; throws on the first fault. */

import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Signer } from '../../src/model/signer.ts'
import { ENTRY_TYPE, entryHash } from '../../src/receipt/entry.ts'
import { type ActionRecord, genesisHash, type Receipt, receiptHash, receiptJson, recordDigest } from '../../src/receipt/format.ts'
import { type Verification, verifyRecorder } from '../../src/verify/index.ts'

export interface ReadReceipt {
  readonly record: ActionRecord
  readonly hash: string
  readonly signerKey: string
}

export interface ReadSession {
  readonly id: string
  readonly receipts: readonly ReadReceipt[]
  /** Entry types in order. */
  readonly types: readonly string[]
  readonly shardLines: readonly number[]
  /** `<session>:<seq>:<hash>` or `none`. */
  readonly prior: string
}

interface Line {
  readonly v: 1 | 2
  readonly seq: number
  readonly ts: string
  readonly session_id: string
  readonly type: string
  readonly event_kind?: string
  readonly transport: string
  readonly summary: string
  readonly detail: Receipt & { readonly first_seq?: number; readonly last_seq?: number; readonly entry_count?: number; readonly root_hash?: string; readonly receipt_count?: number }
  readonly prev_hash: string
  readonly hash: string
}

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** @returns the sessions by id, each of them checked from its first entry to its last */
export async function readEvidence(dir: string): Promise<Map<string, ReadSession>> {
  const shards = new Map<string, { firstSeq: number; name: string }[]>()
  for (const name of await readdir(dir)) {
    const [, id, firstSeq] = /^evidence-(.+)-(\d+)\.jsonl$/.exec(name) ?? []
    if (id !== undefined) shards.set(id, [...(shards.get(id) ?? []), { firstSeq: Number(firstSeq), name }])
  }
  const sessions = new Map<string, ReadSession>()
  for (const [id, own] of shards) {
    own.sort((a, b) => a.firstSeq - b.firstSeq)
    sessions.set(id, await readSession(dir, id, own))
  }
  return sessions
}

/** Asks the product's own verifier, which shares only the format files with the recorder, and pins the keys. */
export async function verifyFolder(dir: string, signers: readonly Signer[]): Promise<Verification> {
  const names = (await readdir(dir)).filter((name) => /^(evidence-.*\.jsonl|retired-.*\.json)$/.test(name))
  const files = await Promise.all(names.map(async (name) => ({ name, content: await readFile(join(dir, name)) })))
  return verifyRecorder(files, { trustedKeys: signers.map(({ publicKeyHex }) => publicKeyHex) })
}

/** Fails the test where the verifier finds a fault. */
export async function assertVerifies(dir: string, ...signers: readonly Signer[]): Promise<Verification> {
  const verification = await verifyFolder(dir, signers)
  assert.deepEqual(verification.faults, [])
  assert.ok(verification.valid)
  return verification
}

/** @returns the session that no other one names as its prior */
export function newestOf(sessions: ReadonlyMap<string, ReadSession>): ReadSession {
  const priors = new Set([...sessions.values()].map(({ prior }) => prior.split(':')[0]))
  const leaves = [...sessions.values()].filter(({ id }) => !priors.has(id))
  assert.equal(leaves.length, 1, `${leaves.length} sessions that nothing continues`)
  return leaves[0]!
}

async function readSession(dir: string, id: string, shards: readonly { firstSeq: number; name: string }[]): Promise<ReadSession> {
  const lines: Line[] = []
  const shardLines: number[] = []
  let prevHash = 'genesis'
  for (const { firstSeq, name } of shards) {
    const text = await readFile(join(dir, name), 'utf8')
    assert.ok(text.endsWith('\n'), `${name}: torn`)
    assert.equal(firstSeq, lines.length, `${name}: first sequence`)
    const raw = text.slice(0, -1).split('\n')
    shardLines.push(raw.length)
    for (const one of raw) {
      prevHash = checkLine(one, id, lines, prevHash)
    }
  }
  const receipts = checkReceipts(id, lines)
  const opened = receipts[0]?.record.precedent_refs?.[0] ?? ''
  assert.ok(opened.startsWith('prior-chain:'))
  return { id, receipts, types: lines.map(({ type }) => type), shardLines, prior: opened.slice('prior-chain:'.length) }
}

function checkLine(raw: string, id: string, lines: Line[], prevHash: string): string {
  const line = JSON.parse(raw) as Line
  const detail = raw.slice(raw.indexOf(',"detail":') + 10, raw.lastIndexOf(',"prev_hash":'))
  const { v, seq, ts, type, event_kind, transport, summary } = line
  const at = `${id} entry ${seq}`
  assert.equal(seq, lines.length, at)
  assert.equal(line.session_id, id, at)
  assert.equal(line.prev_hash, prevHash, `${at}: link`)
  const own = entryHash({ version: v, seq, timestamp: ts, sessionId: id, type, eventKind: event_kind, transport, summary, detail, prevHash })
  assert.equal(line.hash, own, `${at}: hash`)
  if (type === ENTRY_TYPE.checkpoint) checkCheckpoint(line, lines)
  if (type === ENTRY_TYPE.receipt) assert.equal(detail, receiptJson(line.detail), `${at}: canonical`)
  lines.push(line)
  return own
}

function checkCheckpoint({ detail, prev_hash, seq }: Line, before: readonly Line[]): void {
  const last = before.findLastIndex(({ type }) => type === ENTRY_TYPE.checkpoint)
  assert.deepEqual([detail.first_seq, detail.last_seq, detail.entry_count], [last + 1, seq - 1, seq - 1 - last])
  const key = publicKeyOf(before[0]!.detail.signer_key)
  assert.ok(verify(null, Buffer.from(prev_hash), key, Buffer.from(detail.signature, 'hex')), `checkpoint ${seq}`)
}

function checkReceipts(id: string, lines: readonly Line[]): ReadReceipt[] {
  const receipts: ReadReceipt[] = []
  for (const { type, detail } of lines) {
    if (type === ENTRY_TYPE.transcriptRoot) {
      assert.equal(detail.root_hash, receipts.at(-1)?.hash)
      assert.equal(detail.receipt_count, receipts.length)
    }
    if (type !== ENTRY_TYPE.receipt) continue
    const { action_record: record, signature, signer_key: signerKey } = detail
    const at = `${id} receipt ${receipts.length}`
    assert.equal(record.chain_seq, receipts.length, at)
    assert.equal(record.chain_prev_hash, receipts.at(-1)?.hash ?? genesisOf(record), `${at}: link`)
    assert.ok(verify(null, recordDigest(record), publicKeyOf(signerKey), Buffer.from(signature.slice(8), 'hex')), `${at}: signature`)
    checkControl(record, receipts)
    receipts.push({ record, hash: receiptHash(detail), signerKey })
  }
  return receipts
}

function checkControl(record: ActionRecord, before: readonly ReadReceipt[]): void {
  const control = record.session_control
  assert.equal(before.at(-1)?.record.session_control?.kind === 'session_close', false, 'a receipt behind the close')
  if (control?.kind === 'heartbeat') {
    const { beat, chain_head, chain_seq_head } = control.heartbeat
    const beats = before.filter(({ record: earlier }) => earlier.session_control?.kind === 'heartbeat').length
    assert.deepEqual([beat, chain_head, chain_seq_head], [beats + 1, before.at(-1)?.hash, before.length - 1])
  }
  if (control?.kind === 'session_close') {
    const { final_seq, root_hash, receipt_count } = control.close
    assert.deepEqual([final_seq, root_hash, receipt_count], [before.length, before.at(-1)?.hash, before.length + 1])
  }
}

function genesisOf({ session_control: control }: ActionRecord): string {
  assert.equal(control?.kind, 'session_open')
  assert.equal(control.open.genesis_hash, genesisHash(control.open))
  return genesisHash(control.open)
}

const keys = new Map<string, ReturnType<typeof createPublicKey>>()

function publicKeyOf(hex: string): ReturnType<typeof createPublicKey> {
  const known = keys.get(hex) ?? createPublicKey({ key: Buffer.concat([SPKI_PREFIX, Buffer.from(hex, 'hex')]), format: 'der', type: 'spki' })
  keys.set(hex, known)
  return known
}
