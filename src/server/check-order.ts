/** Reads what a caller asks about into the bytes that would pass, and lets the gates and scanners of a profile look at them. */

import { parseIpAddress } from '../base/ip-address.ts'
import { checkAddress } from '../egress/index.ts'
import { checkShape, isTrusted } from '../gates/index.ts'
import { parseAbsoluteTarget } from '../ingress/parse-target.ts'
import type { BlockReason } from '../model/block-reason.ts'
import type { CheckOrder, ContentCheck, ContentSubject } from '../model/content-check.ts'
import type { Target } from '../model/exchange.ts'
import type { Profile } from '../model/policy.ts'
import { checkContent } from '../pipeline/index.ts'

const NO_BODY = Buffer.alloc(0)
const NOWHERE = { url: '', host: '', scheme: 'https' } as const
const PLAIN_TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json'
const LOOPBACK = '127.0.0.1'

/** @returns what the profile would do. A name is not looked up: only an address that is written out is judged. */
export function checkOrder(order: CheckOrder, profile: Profile): ContentCheck {
  return order.kind === 'url' ? checkUrl(order.url, profile) : checkContent(subjectOf(order), profile)
}

function subjectOf(order: Exclude<CheckOrder, { kind: 'url' }>): ContentSubject {
  if (order.kind === 'dlp') return { ...NOWHERE, direction: 'request', contentType: order.contentType ?? PLAIN_TEXT, body: order.bytes }
  if (order.kind === 'prompt_injection') return { ...NOWHERE, direction: 'response', contentType: order.contentType ?? PLAIN_TEXT, body: order.bytes }
  const call = { name: order.toolName, arguments: order.arguments }
  return { ...NOWHERE, direction: 'request', contentType: JSON_TYPE, body: Buffer.from(JSON.stringify(call)) }
}

function checkUrl(url: string, profile: Profile): ContentCheck {
  const target = parseAbsoluteTarget(url, 'drop')
  if ('reason' in target) return { decision: 'block', reason: target.reason, findings: [] }
  const { host, scheme } = target
  const content = checkContent({ direction: 'request', url, host, scheme, contentType: '', body: NO_BODY }, profile)
  const refusal = gateReason(target, profile)
  return refusal === undefined ? content : { ...content, decision: 'block', reason: refusal }
}

function gateReason(target: Target, profile: Profile): BlockReason | undefined {
  const shape = checkShape({ head: { method: 'GET', target, headers: [], hasBody: false }, surface: 'forward', profile, ownVia: '' })
  if (shape?.weight === 'block') return shape.denial.reason
  const address = parseIpAddress(isLoopbackName(target.host) ? LOOPBACK : target.host)
  if (address === undefined) return undefined
  const refusal = checkAddress(address, { allowNetworks: profile.ssrfIpAllowlist, trusted: isTrusted(profile, target.host, target.port) })
  return refusal === undefined ? undefined : 'ssrf_address'
}

/** RFC 6761 §6.3. */
function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost')
}
