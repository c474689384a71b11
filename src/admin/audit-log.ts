/** The audit log: one JSON object per line. Every text in it is printable and bounded, whatever a caller sent. */

import { pino } from 'pino'

import type { Clock } from '../base/clock.ts'
import type { AuditEvent } from '../model/audit-event.ts'
import { exchangeLine, wireForm } from './audit-line.ts'
import { openLineWriter } from './audit-log-file.ts'

export interface AuditLogOptions {
  /** `stdout`, `stderr`, or the path of a file. */
  readonly output: string
  readonly clock: Clock
  readonly includes: AuditIncludes
  /** Told of lines that were lost. */
  readonly onLoss: (loss: { readonly lines: number; readonly code: string }) => void
}

/** Which exchanges are written. Those that warned always are; so is every other event. */
export interface AuditIncludes {
  readonly allowed: boolean
  readonly blocked: boolean
}

export interface AuditLog {
  /** Never throws and never waits. */
  record(event: AuditEvent): void
  /** After a reload. */
  setIncludes(includes: AuditIncludes): void
  /** For log rotation: opens the file anew. */
  reopen(): void
  /** Writes what waits, now: for the last moment of a process that cannot `close`. */
  flushSync(): void
  /** @returns once every line so far is written or given up */
  settle(): Promise<void>
  close(): Promise<void>
}

type Level = 'info' | 'warn' | 'error'

/** @throws the error of the file system where the file cannot be opened */
export function createAuditLog({ output, clock, includes, onLoss }: AuditLogOptions): AuditLog {
  const writer = openLineWriter({ output, onLoss })
  const now = createTimeText(clock)
  const logger = pino({ base: null, timestamp: () => `,"time":"${now()}"`, formatters: { level: (label) => ({ level: label }) } }, writer)
  let included = includes

  return {
    record: (event) => {
      if (!isIncluded(event, included)) return
      if (event.event === 'exchange') writer.write(exchangeLine(event, levelOf(event), now()))
      else logger[levelOf(event)](wireForm(event))
    },
    setIncludes: (chosen) => {
      included = chosen
    },
    reopen: () => {
      writer.reopen()
    },
    flushSync: () => {
      writer.flushSync()
    },
    settle: () => writer.settle(),
    close: () => writer.close(),
  }
}

function isIncluded(event: AuditEvent, includes: AuditIncludes): boolean {
  if (event.event !== 'exchange' || event.verdict === 'warn') return true
  return event.verdict === 'allow' ? includes.allowed : includes.blocked
}

function levelOf(event: AuditEvent): Level {
  if (event.event === 'receipt_failed') return 'error'
  const isNotable =
    (event.event === 'exchange' && event.verdict !== 'allow') ||
    (event.event === 'kill_switch' && event.active) ||
    (event.event === 'config_reload' && event.result === 'rejected') ||
    NOTABLE_EVENTS.has(event.event)
  return isNotable ? 'warn' : 'info'
}

const NOTABLE_EVENTS: ReadonlySet<AuditEvent['event']> = new Set(['identity_mismatch', 'identity_unresolved', 'identity_changed', 'open_intents', 'suppressed', 'denial_of_wallet', 'budget_threshold', 'budget_store', 'budget_lease_expired'])

/** Many lines share a millisecond. */
function createTimeText(clock: Clock): () => string {
  let shownMs = Number.NaN
  let shown = ''
  return () => {
    const nowMs = clock.nowMs()
    if (nowMs !== shownMs) shown = new Date(nowMs).toISOString()
    shownMs = nowMs
    return shown
  }
}
