/** A credential that is a prefix of its issuer's own and one run of characters: most are. */

import type { SegmentKind } from '../../model/finding.ts'
import { DOTTED_TOKEN, WORD, type ByteClass } from '../engine/byte-class.ts'
import { unlessFiller } from './judges.ts'
import type { SecretRule, Severity } from './secret-rule.ts'

export const HEADER: readonly SegmentKind[] = ['header']
export const HEADER_OR_BODY: readonly SegmentKind[] = ['header', 'body']
export const ANYWHERE: readonly SegmentKind[] = ['url', 'header', 'body']

export interface PrefixRow {
  readonly name: string
  readonly title: string
  readonly prefixes: readonly string[]
  /** Regular expression of what follows the prefix. */
  readonly body: string
  readonly hosts?: readonly string[]
  readonly kinds?: readonly SegmentKind[]
  readonly severity?: Severity
  /** Where the body has characters beyond `DOTTED_TOKEN`. */
  readonly alphabet?: ByteClass
  /** Longest match, in bytes. */
  readonly reach?: number
  readonly source: string
}

export const DEFAULT_REACH = 256

export function prefixRule({ name, title, prefixes, body, hosts, kinds = HEADER, severity = 'critical', alphabet = DOTTED_TOKEN, reach = DEFAULT_REACH, source }: PrefixRow): SecretRule {
  const prefix = prefixes.map((text) => text.replace(/[.+*?$^]/g, '\\$&')).join('|')
  return {
    rule: `dlp.${name}`, title, severity, literals: prefixes, shape: new RegExp(`(?:${prefix})${body}`), alphabet, reach, notAfter: WORD,
    judge: unlessFiller(new RegExp(`^(?:${prefix})`), severity), source, disguises: true, ...(hosts !== undefined && { homes: { hosts, kinds } }),
  }
}

