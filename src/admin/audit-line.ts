/** How an event stands in the audit log: one JSON object with snake-case keys, every text printable and at most 2 KiB, every list cut. */

import { sanitizeText } from '../base/printable-text.ts'
import type { AuditEvent, ExchangeEvent } from '../model/audit-event.ts'

const MAX_LIST_LENGTH = 32
const NEEDS_ESCAPE = /["\\]/

/** @returns the members of any event, in its order */
export function wireForm(event: AuditEvent): Record<string, unknown> {
  return Object.fromEntries(Object.entries(event).map(([key, value]) => [wireName(key), wireValue(value)]))
}

function wireName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function wireValue(value: unknown): unknown {
  if (typeof value === 'string') return sanitizeText(value)
  return Array.isArray(value) ? value.slice(0, MAX_LIST_LENGTH).map(wireValue) : value
}

/**
 * The line of an exchange, written member by member: it is the one event that comes with every request (2 us, where the
 * general form took 20). Holds the same members as `wireForm`, which its test shows.
 *
 * @returns the line with its line feed
 */
export function exchangeLine(event: ExchangeEvent, level: string, time: string): string {
  return `{"level":"${level}","time":"${time}","event":"exchange","agent":${quote(event.agent)},"grade":"${event.grade}","source":"${event.source}"`
    + `,"rule":${quote(event.rule)},"action_id":${quote(event.actionId)},"surface":"${event.surface}","method":${quote(event.method)}`
    + `,"target":${quote(event.target)}${warningsMember(event.warnings)},"bytes_up":${event.bytesUp},"bytes_down":${event.bytesDown}`
    + `,"duration_ms":${event.durationMs},"policy_hash":${quote(event.policyHash)},"verdict":"${event.verdict}"`
    + `${textMember('reason', event.reason)}${textMember('detail', event.detail)},"status":${event.status}}\n`
}

function textMember(name: string, text: string | undefined): string {
  return text === undefined ? '' : `,"${name}":${quote(text)}`
}

function warningsMember(warnings: readonly string[] | undefined): string {
  return warnings === undefined ? '' : `,"warnings":[${warnings.slice(0, MAX_LIST_LENGTH).map(quote).join(',')}]`
}

/** What is printable needs an escape for the quote and the backslash only. */
function quote(text: string): string {
  const printable = sanitizeText(text)
  return NEEDS_ESCAPE.test(printable) ? JSON.stringify(printable) : `"${printable}"`
}
