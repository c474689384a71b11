/** One line of an own evidence file, read back for resuming and retention. Not a verifier: that is verify/. */

import { ENTRY_TYPE } from './entry.ts'
import { receiptHash } from './format.ts'

export interface StoredReceipt {
  readonly seq: number
  readonly hash: string
  readonly timestamp: string
  readonly refs: readonly string[]
}

export interface StoredLine {
  readonly type: string
  readonly ts: string
  /** Where the line holds a receipt. */
  readonly receipt?: StoredReceipt
}

const DETAIL_START = ',"detail":'
const DETAIL_END = ',"prev_hash":"'

/** @returns `undefined` where the line is not an entry as we write it */
export function readLine(line: string): StoredLine | undefined {
  const entry = parseObject(line)
  if (entry === undefined) return undefined
  const { type, ts } = entry
  if (typeof type !== 'string' || typeof ts !== 'string') return undefined
  if (type !== ENTRY_TYPE.receipt) return { type, ts }
  const receipt = readReceipt(line, entry['detail'])
  return receipt === undefined ? undefined : { type, ts, receipt }
}

/** @returns the `action_id` and phase of a receipt's line, without parsing it: quotes inside JSON strings are escaped */
export function readPhase(line: string): { readonly actionId: string; readonly phase: 'intent' | 'outcome' } | undefined {
  const phase = line.includes(',"decision_phase":"intent"') ? 'intent' : line.includes(',"decision_phase":"outcome"') ? 'outcome' : undefined
  const [, actionId] = /"action_record":\{"version":1,"action_id":"([^"\\]+)"/.exec(line) ?? []
  return phase === undefined || actionId === undefined ? undefined : { actionId, phase }
}

function readReceipt(line: string, detail: unknown): StoredReceipt | undefined {
  const record = memberOf(detail, 'action_record')
  const seq = memberOf(record, 'chain_seq')
  const timestamp = memberOf(record, 'timestamp')
  if (typeof seq !== 'number' || typeof timestamp !== 'string') return undefined
  // The hash is over the text as it stands, so no re-encoding is needed.
  const raw = line.slice(line.indexOf(DETAIL_START) + DETAIL_START.length, line.lastIndexOf(DETAIL_END))
  const refs = memberOf(record, 'precedent_refs')
  return {
    seq,
    hash: receiptHash(raw),
    timestamp,
    refs: Array.isArray(refs) ? refs.filter((ref) => typeof ref === 'string') : [],
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}
