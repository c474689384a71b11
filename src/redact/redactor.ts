/** Redaction as a profile wants it: which findings become placeholders, and what else is looked for. Compiled once per policy object. */

import type { Finding } from '../model/finding.ts'
import type { RedactionPolicy } from '../model/policy.ts'
import { createSpanFinder, CREDENTIAL_PRIORITY, type SpanFinder } from './find-spans.ts'
import { layoutBody } from './layout.ts'
import { classOfRule, Placeholders } from './placeholders.ts'
import { redactBody, type Edit, type RedactionSpan } from './redact-body.ts'
import type { Unsafe } from './slot.ts'

/** The class that stands for every credential the scanner knows. */
export const ALL_CREDENTIALS = 'credentials'

interface RedactableBody {
  readonly bytes: Buffer
  /** Values of the header fields, '' where there is none. */
  readonly contentType: string
  readonly contentEncoding: string
}

interface Redaction {
  readonly bytes: Buffer
  readonly edits: readonly Edit[]
  readonly total: number
  /** Replacements by class. */
  readonly byClass: ReadonlyMap<string, number>
}

/**
 * Replaces what the profile names. A finding of another class is left for the caller to judge.
 *
 * @param findings of the scanner; those of other parts than the body are left out
 * @returns the new body, or why it cannot be made: then nothing may be sent
 */
export function redactFindings(body: RedactableBody, findings: readonly Finding[], policy: RedactionPolicy): Redaction | Unsafe {
  const layout = layoutBody(body.bytes, body.contentType, body.contentEncoding)
  const named = findings.filter(({ kind }) => kind === 'body').flatMap((finding) => spanOf(finding, policy))
  const spans = 'unsafe' in layout ? named : [...named, ...finderOf(policy).find(body.bytes, layout)]
  if (spans.length > policy.maxRedactions) return { unsafe: `more than ${policy.maxRedactions} replacements` }
  const placeholders = new Placeholders()
  const redacted = redactBody(body.bytes, layout, spans, placeholders)
  return 'unsafe' in redacted ? redacted : { ...redacted, total: placeholders.total, byClass: placeholders.byClass }
}

function spanOf({ rule, views, start, end }: Finding, { classes }: RedactionPolicy): RedactionSpan[] {
  const className = classOfRule(rule)
  const isNamed = classes.includes(className) || (classes.includes(ALL_CREDENTIALS) && !rule.startsWith('scan.'))
  const isEncoded = views.some((view) => RUN_VIEWS.has(view))
  return isNamed ? [{ className, start, end, priority: CREDENTIAL_PRIORITY, ...(isEncoded && { isEncoded }) }] : []
}

/** Encodings whose text is one run of characters. */
const RUN_VIEWS: ReadonlySet<string> = new Set(['base64', 'base32', 'hex'])

const FINDERS = new WeakMap<RedactionPolicy, SpanFinder>()

function finderOf(policy: RedactionPolicy): SpanFinder {
  let finder = FINDERS.get(policy)
  if (finder === undefined) {
    finder = createSpanFinder(new Set(policy.classes), policy.dictionaries)
    FINDERS.set(policy, finder)
  }
  return finder
}
