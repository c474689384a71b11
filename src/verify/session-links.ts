/**
 * How the sessions of a folder follow each other: each session_open names, signed, the last receipt of the session before.
 * A session that was cut, replaced, taken away or continued twice shows here.
 */

import type { FaultLog } from './fault.ts'
import type { SessionPointer } from './reference-text.ts'
import type { Retirement } from './retirement.ts'
import type { SessionEvidence } from './session-evidence.ts'

/** A session with the file that begins it. */
export interface LinkedSession {
  readonly evidence: SessionEvidence
  readonly file: string
}

/** @returns the sessions, each behind the one it continues; the last is the newest. What does not fit is logged. */
export function orderSessions(sessions: readonly LinkedSession[], retired: ReadonlyMap<string, Retirement>, log: FaultLog): LinkedSession[] {
  const byId = new Map(sessions.map((session) => [session.evidence.session, session]))
  const successors = new Map<string, LinkedSession[]>()
  const roots: LinkedSession[] = []
  for (const session of sessions) {
    const prior = priorOf(session)
    if (prior === undefined) {
      roots.push(session)
      continue
    }
    const known = successors.get(prior.session)
    if (known === undefined) successors.set(prior.session, [session])
    else known.push(session)
    if (known !== undefined) log.add('fork', `session ${prior.session} is continued twice`, placeOf(session))
    const before = byId.get(prior.session)
    if (before === undefined) {
      roots.push(session)
      checkRetired(prior, retired.get(prior.session), session, log)
    } else checkPredecessor(prior, before, session, log)
  }
  warnOfRoots(roots, log)
  return walk(roots, successors, sessions)
}

function warnOfRoots(roots: readonly LinkedSession[], log: FaultLog): void {
  const declared = roots.filter(({ evidence }) => evidence.chain.prior === 'none')
  for (const session of declared.slice(1)) log.warn('several_roots', 'another session, too, says that none was before it', placeOf(session))
}

function checkPredecessor(prior: SessionPointer, before: LinkedSession, session: LinkedSession, log: FaultLog): void {
  const { chain } = before.evidence
  const head = chain.head
  if (head === undefined || chain.hashes.get(prior.seq) !== prior.hash) {
    log.add('predecessor_mismatch', `session ${prior.session} does not hold receipt ${prior.seq} with that hash: it was cut or replaced`, placeOf(session))
  } else if (BigInt(head.seq) !== prior.seq) {
    log.warn('unacknowledged_tail', `receipts behind ${prior.seq} were never acknowledged`, placeOf(before))
  }
}

function checkRetired(prior: SessionPointer, record: Retirement | undefined, session: LinkedSession, log: FaultLog): void {
  if (record === undefined) {
    log.add('predecessor_missing', `session ${prior.session} is missing`, placeOf(session))
  } else if (record.finalSeq < prior.seq || (record.finalSeq === prior.seq && record.headHash !== prior.hash)) {
    log.add('predecessor_mismatch', `the record of the retired session ${prior.session} tells another end`, placeOf(session))
  } else log.warn('predecessor_retired', `session ${prior.session} was retired`, placeOf(session))
}

/** Iterative, since a folder may hold thousands of sessions in one line. */
function walk(roots: readonly LinkedSession[], successors: ReadonlyMap<string, readonly LinkedSession[]>, all: readonly LinkedSession[]): LinkedSession[] {
  const ordered = new Set<LinkedSession>()
  for (const root of [...roots, ...all]) {
    const waiting = [root]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (ordered.has(next)) continue
      ordered.add(next)
      // One by one: a spread of very many successors would overflow the stack.
      for (const successor of successors.get(next.evidence.session) ?? []) waiting.push(successor)
    }
  }
  return [...ordered]
}

function priorOf({ evidence }: LinkedSession): SessionPointer | undefined {
  return typeof evidence.chain.prior === 'object' ? evidence.chain.prior : undefined
}

function placeOf({ evidence, file }: LinkedSession): { session: string; file: string } {
  return { session: evidence.session, file }
}
