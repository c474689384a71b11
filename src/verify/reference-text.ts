/** The `precedent_refs` that link receipts to receipts: `agent-prev:` inside a session, `prior-chain:` between sessions. */

import type { ActionRecord } from '../receipt/format.ts'

/** Another receipt, by sequence and hash. */
export interface ReceiptPointer {
  readonly seq: bigint
  readonly hash: string
}

export interface SessionPointer extends ReceiptPointer {
  readonly session: string
}

const AGENT_PREV = 'agent-prev:'
const PRIOR_CHAIN = 'prior-chain:'
const POINTER = /^(0|[1-9][0-9]{0,19}):([0-9a-f]{64})$/
/** A session id may hold colons; sequence and hash never do. */
const SESSION_POINTER = /^(.+):(0|[1-9][0-9]{0,19}):([0-9a-f]{64})$/

/** `none`: says that there is nothing before; `malformed`: more than one reference, or not of the form; absent: no reference */
export type Named<Pointer> = Pointer | 'none' | 'malformed' | undefined

export function agentPrevOf(record: ActionRecord): Named<ReceiptPointer> {
  return namedBy(record, AGENT_PREV, (text) => {
    const [, seq, hash] = POINTER.exec(text) ?? []
    return seq === undefined || hash === undefined ? undefined : { seq: BigInt(seq), hash }
  })
}

export function priorChainOf(record: ActionRecord): Named<SessionPointer> {
  return namedBy(record, PRIOR_CHAIN, (text) => {
    const [, session, seq, hash] = SESSION_POINTER.exec(text) ?? []
    return session === undefined || seq === undefined || hash === undefined ? undefined : { session, seq: BigInt(seq), hash }
  })
}

function namedBy<Pointer>(record: ActionRecord, prefix: string, parse: (text: string) => Pointer | undefined): Named<Pointer> {
  const found = record.precedent_refs?.filter((ref) => ref.startsWith(prefix)) ?? []
  const [only] = found
  if (only === undefined) return undefined
  if (found.length > 1) return 'malformed'
  const text = only.slice(prefix.length)
  return text === 'none' ? 'none' : (parse(text) ?? 'malformed')
}
