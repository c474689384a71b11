/** Texts with their credentials replaced: what receipts and logs may show. */

import type { Finding } from '../model/finding.ts'
import type { DlpPolicy } from '../model/policy.ts'
import { scanText } from './scan-message.ts'

const BUILT_IN: DlpPolicy = { includeDefaults: true, patterns: [], responseAction: 'allow' }

/** @returns the text with every credential in it replaced: for what a caller wrote and a receipt or log will show */
export function hideCredentials(text: string): string {
  const findings = scanText({ direction: 'request', dlp: BUILT_IN, host: '', scheme: 'http' }, text)
  return hideFindings(text, findings, 'header')
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
