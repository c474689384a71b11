/**
 * Verifies one agent's receipts without the others': the export of a sub-chain. Each names the one before it of the same
 * agent and session, so a receipt taken out of the middle shows; one taken off the end does not.
 */

import { FaultLog, logShapeError, type Place, positionOf } from './fault.ts'
import { isEntry, parseEntry } from './parse-entry.ts'
import { checkSignature, type ParsedReceipt, parseReceipt } from './parse-receipt.ts'
import { type OpenAction, PhasePairs } from './phase-pairs.ts'
import { agentPrevOf } from './reference-text.ts'
import { linesOf, type SourceFile, type SourceLine } from './source-file.ts'
import { parseJson } from './strict-json.ts'
import { KeyRing } from './trusted-keys.ts'
import type { EvidenceHead, Verification, VerifyOptions } from './verification.ts'
import { logTrust } from './verify-recorder.ts'

export interface AgentChainVerification extends Pick<Verification, 'valid' | 'trust' | 'faults' | 'warnings'> {
  readonly receipts: number
  /** Every actor that the receipts name; for one agent's export, one. */
  readonly actors: readonly string[]
  readonly openIntents: readonly OpenAction[]
  readonly head?: EvidenceHead
}

/**
 * @param file one receipt, or one recorder entry around one, a line; sessions in order, each from its beginning
 * @returns faults as values, whatever the file holds
 * @throws {TrustedKeyError} when one of the trusted keys cannot be read
 */
export function verifyAgentChain(file: SourceFile, options: VerifyOptions = {}): AgentChainVerification {
  const log = new FaultLog()
  const ring = new KeyRing(options.trustedKeys ?? [])
  const chain = new ExportedChain(ring, log)
  for (const line of linesOf(file, undefined, log)) chain.add(line, file.name)
  if (chain.receipts === 0) log.add('no_receipts', 'there is no receipt to verify', { file: file.name })
  logTrust(ring, log, options.allowUnpinned === true)
  return {
    valid: log.faults.length === 0,
    trust: ring.isPinned ? 'pinned' : 'unpinned',
    faults: log.faults,
    warnings: log.warnings,
    receipts: chain.receipts,
    actors: [...chain.actors],
    openIntents: chain.pairs.open(),
    ...(chain.head !== undefined && { head: chain.head }),
  }
}

class ExportedChain {
  receipts = 0
  head: EvidenceHead | undefined
  readonly actors = new Set<string>()
  readonly pairs = new PhasePairs()
  readonly #ring: KeyRing
  readonly #log: FaultLog
  readonly #runs = new Set<string>()
  #before: ParsedReceipt | 'start' | 'unknown' = 'start'

  constructor(ring: KeyRing, log: FaultLog) {
    this.#ring = ring
    this.#log = log
  }

  add(line: SourceLine, file: string): void {
    const at: Place = { file, line: line.number }
    const receipt = logShapeError(this.#log, at, () => readLine(line))
    this.receipts++
    if (receipt === undefined) {
      this.#before = 'unknown'
      return
    }
    const { record, hash, signerKey } = receipt
    const place = { ...at, sequence: positionOf(record.chain_seq) }
    checkSignature(receipt, this.#ring, this.#log, place)
    const cause = this.#linkFault(receipt)
    if (cause !== undefined) this.#log.add('agent_chain_broken', cause, place)
    this.pairs.check(receipt, place.sequence, {
      fault: (code, why) => {
        this.#log.add(code, why, place)
      },
      warn: (code, why) => {
        this.#log.warn(code, why, place)
      },
    })
    this.actors.add(record.actor)
    this.#runs.add(runOf(receipt))
    this.#before = receipt
    this.head = { sequence: place.sequence, hash, timestamp: record.timestamp, signerKey }
  }

  #linkFault(receipt: ParsedReceipt): string | undefined {
    const before = this.#before
    const previous = agentPrevOf(receipt.record)
    if (previous === undefined || previous === 'malformed') return 'agent-prev is absent or malformed'
    if (before === 'unknown') return undefined
    if (previous === 'none') return this.#runs.has(runOf(receipt)) ? 'agent-prev says none inside a session' : undefined
    if (before === 'start' || runOf(before) !== runOf(receipt)) return 'agent-prev names a receipt before the first one of a session: the beginning is missing'
    const isNext = previous.hash === before.hash && previous.seq === BigInt(before.record.chain_seq)
    return isNext ? undefined : 'agent-prev is not the receipt before'
  }
}

function runOf({ record }: ParsedReceipt): string {
  return record.run_nonce ?? ''
}

function readLine({ text }: SourceLine): ParsedReceipt {
  const value = parseJson(text)
  return isEntry(value) ? parseReceipt(parseEntry(text).detail, text) : parseReceipt(value, text)
}
