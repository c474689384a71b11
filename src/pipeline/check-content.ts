/** What a profile's scanners would do with content that is no exchange: the scan API's and `chaperone check`'s question. Forwards nothing, records nothing. */

import type { CheckedFinding, ContentCheck, ContentSubject } from '../model/content-check.ts'
import type { Finding } from '../model/finding.ts'
import type { Profile } from '../model/policy.ts'
import { scanWhole } from '../scan/index.ts'
import { isEnforcing } from './enforcing.ts'

/** @returns the decision of the same rules that the data path asks */
export function checkContent(subject: ContentSubject, profile: Profile): ContentCheck {
  const { direction, host, scheme, url, contentType, body } = subject
  const headers = contentType === '' ? [] : ['Content-Type', contentType]
  const findings = scanWhole({ direction, dlp: profile.dlp, host, scheme }, { url, headers, body })
  const checked = findings.map((finding): CheckedFinding => ({ ...finding, action: actionFor(finding, subject, profile) }))
  if (checked.some(({ action }) => action === 'block')) return { decision: 'block', reason: direction === 'request' ? 'dlp_secret' : 'response_secret', findings: checked }
  return { decision: checked.some(({ action }) => action !== 'allow') ? 'warn' : 'allow', findings: checked }
}

function actionFor(_finding: Finding, { direction }: ContentSubject, profile: Profile): CheckedFinding['action'] {
  const wanted = direction === 'request' ? 'block' : profile.dlp.responseAction
  return wanted === 'block' && !isEnforcing(profile) ? 'warn' : wanted
}
