/** Texts with their credentials replaced: what receipts and logs may show. */

import type { Finding } from '../model/finding.ts'
import type { DlpPolicy } from '../model/policy.ts'
import { scanText, scanWhole } from './scan-message.ts'

const BUILT_IN: DlpPolicy = { includeDefaults: true, patterns: [], responseAction: 'allow' }
const NO_BODY = Buffer.alloc(0)

/** @returns the text with every credential in it replaced: for what a caller wrote and a receipt or log will show */
export function hideCredentials(text: string): string {
  const findings = scanText({ direction: 'request', dlp: BUILT_IN, host: '', scheme: 'http' }, text)
  return hideFindings(text, findings, 'header')
}

/**
 * @param dlp of the profile; the built-in rules hide too where it leaves them out
 * @param found findings of the URL that are known already: they hide as well
 * @returns the target of a request with every credential in it replaced, one that its own provider may read among them
 */
export function hideTarget(target: string, dlp: DlpPolicy, found: readonly Finding[] = []): string {
  // Without a host no credential is at home.
  const look = (rules: DlpPolicy): readonly Finding[] => scanWhole({ direction: 'request', dlp: rules, host: '', scheme: 'http' }, { url: target, headers: [], body: NO_BODY })
  return hideFindings(target, [...found, ...look(dlp), ...(dlp.includeDefaults ? [] : look(BUILT_IN))], 'url')
}

/** @returns the text with each finding's span replaced by its rule: what receipts and logs may show */
export function hideFindings(text: string, findings: readonly Finding[], kind: Finding['kind']): string {
  const spans = findings.filter((finding) => finding.kind === kind).sort((a, b) => a.start - b.start)
  let shown = ''
  let at = 0
  for (const { rule, start, end } of spans) {
    if (end <= at) continue
    shown += `${text.slice(at, Math.max(at, start))}[redacted:${rule}]`
    at = end
  }
  return shown + text.slice(at)
}
