/** Verifies recorder files: one file, the shards of a session, or all sessions of a folder; or chains of bare receipts. */

import { FaultLog, logShapeError, type Place, positionOf } from './fault.ts'
import { isReceipt, parseReceipt } from './parse-receipt.ts'
import { ReceiptChain } from './receipt-chain.ts'
import { type Retirement, verifyRetirement } from './retirement.ts'
import { SessionEvidence } from './session-evidence.ts'
import { type LinkedSession, orderSessions } from './session-links.ts'
import { type Shard, sortFiles, wantedReceipts } from './sort-files.ts'
import { decodeContent, linesOf, type SourceFile } from './source-file.ts'
import { parseJson, tryParseJson } from './strict-json.ts'
import { KeyRing } from './trusted-keys.ts'
import type { EvidenceHead, SessionSummary, Verification, VerifyOptions } from './verification.ts'

/** Above it, other readers refuse the session. */
const MAX_SHARDS = 256

/** What all chains of one call share. */
interface Inquiry {
  readonly ring: KeyRing
  readonly log: FaultLog
  readonly usedNonces: Set<string>
}

interface CheckedChain {
  readonly chain: ReceiptChain
  readonly files: readonly string[]
  readonly evidence?: SessionEvidence
}

/**
 * @param files of one folder, in any order. `evidence-<session>-<seq>.jsonl` is taken at its name; other files by content.
 * @returns faults as values, whatever the files hold; time is linear in their size
 * @throws {TrustedKeyError} when one of the trusted keys cannot be read
 */
export function verifyRecorder(files: readonly SourceFile[], options: VerifyOptions = {}): Verification {
  const log = new FaultLog()
  const ring = new KeyRing(options.trustedKeys ?? [])
  const inquiry: Inquiry = { ring, log, usedNonces: new Set() }
  const sorted = sortFiles(files, log)
  const retired = readRetirements(sorted.retirements, inquiry)
  const wanted = wantedReceipts(sorted.sessions)

  const sessions: LinkedSession[] = []
  const shardNames = new Map<SessionEvidence, string[]>()
  for (const [session, shards] of sorted.sessions) {
    const evidence = readSession(session, shards, wanted.get(session), inquiry)
    shardNames.set(evidence, shards.map(({ file }) => file.name))
    sessions.push({ evidence, file: shards[0]?.file.name ?? '' })
  }
  sessions.sort(byStartTime)
  const ordered = orderSessions(sessions, retired, log)
  const checked: CheckedChain[] = [
    ...sorted.bare.map((file) => ({ chain: readBareChain(file, inquiry), files: [file.name] })),
    ...ordered.map(({ evidence }) => ({ chain: evidence.chain, files: shardNames.get(evidence) ?? [], evidence })),
  ]
  return conclude(checked, { ...inquiry, files: files.length, retired: retired.size, allowUnpinned: options.allowUnpinned === true })
}

function readSession(session: string, shards: readonly Shard[], wanted: ReadonlySet<bigint> | undefined, { ring, log, usedNonces }: Inquiry): SessionEvidence {
  const evidence = new SessionEvidence({ ring, log, session, usedNonces, wanted })
  if (shards.length > MAX_SHARDS) log.warn('over_reader_limit', `${shards.length} shards`, { session })
  for (const { file, firstSeq, isNamed } of shards) {
    let isFirst = true
    for (const line of linesOf(file, session, log)) {
      const seq = evidence.add(line, file.name)
      if (isFirst && isNamed && seq !== undefined && seq !== firstSeq) {
        log.add('file_name_mismatch', `the name says ${firstSeq}, the first entry is ${seq}`, { file: file.name, session })
      }
      isFirst = false
    }
  }
  evidence.end(shards.at(-1)?.file.name)
  return evidence
}

function readBareChain(file: SourceFile, { ring, log, usedNonces }: Inquiry): ReceiptChain {
  const chain = new ReceiptChain({ ring, log, usedNonces })
  const add = (text: string, place: Place) => {
    const receipt = logShapeError(log, place, () => parseReceipt(parseJson(text), text))
    if (receipt === undefined) chain.skip()
    else chain.add(receipt, place)
  }
  const whole = decodeContent(file.content) ?? ''
  const only = wholeReceipt(whole)
  if (only) add(whole, { file: file.name })
  else for (const { text, number } of linesOf(file, undefined, log)) add(text, { file: file.name, line: number })
  return chain
}

/** Whether the text is one receipt over several lines, as people store a single one. */
function wholeReceipt(text: string): boolean {
  const trimmed = text.trim()
  // A chain of compact lines is not one value: no need to parse it whole to know.
  if (!trimmed.includes('\n') || trimmed.slice(0, trimmed.indexOf('\n')).trimEnd().endsWith('}')) return false
  const value = tryParseJson(text)
  return value !== undefined && isReceipt(value)
}

function readRetirements(files: readonly SourceFile[], { ring, log }: Inquiry): Map<string, Retirement> {
  const retired = new Map<string, Retirement>()
  for (const file of files) {
    const record = verifyRetirement(file, ring, log)
    if (record !== undefined) retired.set(record.session, record)
  }
  return retired
}

interface Conclusion extends Inquiry {
  readonly files: number
  readonly retired: number
  readonly allowUnpinned: boolean
}

function conclude(checked: readonly CheckedChain[], { ring, log, files, retired, allowUnpinned }: Conclusion): Verification {
  const sum = (count: (one: CheckedChain) => number) => checked.reduce((total, one) => total + count(one), 0)
  const receipts = sum(({ chain }) => chain.count)
  const evidenceReceipts = sum(({ evidence }) => evidence?.evidence.count ?? 0)
  if (receipts + evidenceReceipts === 0) log.add('no_receipts', 'there is no receipt to verify', {})
  logTrust(ring, log, allowUnpinned)

  const sessions = checked.map(summaryOf)
  const head = sessions.findLast((session) => session.head !== undefined)?.head
  return {
    valid: log.faults.length === 0,
    trust: ring.isPinned ? 'pinned' : 'unpinned',
    faults: log.faults,
    warnings: log.warnings,
    openIntents: checked.flatMap(({ chain, evidence }) =>
      chain.openIntents().map((open) => ({ ...open, ...(evidence !== undefined && { session: evidence.session }) })),
    ),
    counts: {
      files,
      sessions: sum(({ evidence }) => (evidence === undefined ? 0 : 1)),
      entries: sum(({ evidence }) => evidence?.entries ?? 0),
      receipts,
      evidenceReceipts,
      checkpoints: sum(({ evidence }) => evidence?.checkpoints ?? 0),
      retiredSessions: retired,
    },
    ...(head !== undefined && { head }),
    sessions,
  }
}

/** Unpinned evidence proves nothing about who signed it: a fault, unless the caller takes that upon himself. */
export function logTrust(ring: KeyRing, log: FaultLog, allowUnpinned: boolean): void {
  if (ring.isPinned) return
  const cause = 'the signer was not checked against a trusted key'
  if (allowUnpinned) log.warn('unpinned', cause, {})
  else log.add('unpinned', cause, {})
}

function summaryOf({ chain, files, evidence }: CheckedChain): SessionSummary {
  const head = headOf(chain, evidence?.session)
  return {
    ...(evidence !== undefined && { session: evidence.session }),
    files,
    entries: evidence?.entries ?? 0,
    receipts: chain.count,
    ...(chain.startTime !== undefined && { startTime: chain.startTime }),
    ...(head !== undefined && { head }),
  }
}

function headOf({ head }: ReceiptChain, session: string | undefined): EvidenceHead | undefined {
  if (head === undefined) return undefined
  const { seq, hash, timestamp, signerKey } = head
  return { ...(session !== undefined && { session }), sequence: positionOf(seq), hash, timestamp, signerKey }
}

/** Only a start for the order along the links, and the order of sessions that have none. */
function byStartTime(a: LinkedSession, b: LinkedSession): number {
  const left = `${a.evidence.chain.startTime ?? ''}\0${a.evidence.session}`
  const right = `${b.evidence.chain.startTime ?? ''}\0${b.evidence.session}`
  return Number(left > right) - Number(left < right)
}
