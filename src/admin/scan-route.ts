/** `POST /api/v1/scan`: what a profile's rules say of a URL, a text, or a tool call. The content is not kept, logged or answered. */

import type { IncomingMessage } from 'node:http'

import { discriminatedUnion, literal, optional, strictObject, string, unknown, type z } from 'zod'

import { DEFAULT_PROFILE } from '../model/agent.ts'
import type { CheckedFinding, CheckOrder, ContentCheck } from '../model/content-check.ts'
import { jsonAnswer, problemAnswer, type AdminAnswer } from './admin-answer.ts'
import { readJsonBody } from './admin-body.ts'
import type { AdminSources } from './admin-sources.ts'

const MAX_FIELD_CHARACTERS = 524_288
/** A field of that size, every character escaped, fits. */
const MAX_SCAN_BYTES = 4_194_304
const MAX_NAME_CHARACTERS = 256

const field = string().max(MAX_FIELD_CHARACTERS)
const shortField = string().max(MAX_NAME_CHARACTERS)
const profile = optional(shortField)
const scanOrder = discriminatedUnion('kind', [
  strictObject({ kind: literal('url'), profile, input: strictObject({ url: field }) }),
  strictObject({ kind: literal('dlp'), profile, input: strictObject({ text: field, content_type: optional(shortField) }) }),
  strictObject({ kind: literal('prompt_injection'), profile, input: strictObject({ content: field, content_type: optional(shortField) }) }),
  strictObject({ kind: literal('tool_call'), profile, input: strictObject({ tool_name: shortField, arguments: optional(unknown()) }) }),
])
const EXPECTED = 'expected {"kind": "url", "dlp", "prompt_injection" or "tool_call", "input": {"url"}, {"text"}, {"content"} or {"tool_name", "arguments"}, "profile": a name (optional)}'

export async function answerScan(request: IncomingMessage, sources: Pick<AdminSources, 'check'>): Promise<AdminAnswer> {
  const read = await readJsonBody(request, MAX_SCAN_BYTES)
  if ('status' in read) return read
  const order = scanOrder.safeParse(read.value)
  if (!order.success) return problemAnswer(isTooLong(order.error) ? 413 : 400, EXPECTED)
  const name = order.data.profile ?? DEFAULT_PROFILE
  const checked = sources.check(readOrder(order.data), name)
  return checked === 'unknown_profile' ? problemAnswer(404, 'no profile of that name is configured') : jsonAnswer(200, { kind: order.data.kind, profile: name, ...describeCheck(checked) })
}

/** @returns the check in the names of the wire; `chaperone check --json` prints the same */
export function describeCheck({ decision, reason, findings }: ContentCheck): object {
  return { decision, ...(reason !== undefined && { block_reason: reason }), findings: findings.map(describeFinding) }
}

function describeFinding({ rule, severity, action, kind, segment, views, start, end }: CheckedFinding): object {
  return { rule, severity, action, part: kind, ...(segment !== '' && { segment }), views, start, end }
}

function isTooLong({ issues }: z.ZodError): boolean {
  return issues.some(({ code, path }) => code === 'too_big' && path.length > 1)
}

function readOrder(order: z.infer<typeof scanOrder>): CheckOrder {
  if (order.kind === 'url') return { kind: 'url', url: order.input.url }
  if (order.kind === 'dlp') return { kind: 'dlp', bytes: Buffer.from(order.input.text), contentType: order.input.content_type }
  if (order.kind === 'prompt_injection') return { kind: 'prompt_injection', bytes: Buffer.from(order.input.content), contentType: order.input.content_type }
  return { kind: 'tool_call', toolName: order.input.tool_name, arguments: order.input.arguments }
}
