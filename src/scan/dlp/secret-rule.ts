/** The form of a rule that recognises one kind of credential. */

import type { ByteClass } from '../engine/byte-class.ts'
import type { TextWindow } from '../engine/text-window.ts'
import type { HostStanding } from '../layer.ts'
import type { Finding, SegmentKind } from '../../model/finding.ts'

export type Severity = Finding['severity']

/** Where a candidate stands. */
export interface MatchPlace {
  readonly kind: SegmentKind
  /** Header name, or ''. */
  readonly segment: string
  readonly host: string
  readonly direction: 'request' | 'response'
  /** How well the destination is known: to everybody, or to the profile. */
  readonly standing: 'known' | HostStanding
  /** Whether the text stood in base64 or hexadecimal. */
  readonly isDecoded: boolean
  /** Up to 512 bytes before the match. */
  before(): string
}

/** Hosts that issue or take this credential, and the parts of a request in which they take it. */
export interface Homes {
  /** Registrable or longer names; hosts below them count too. */
  readonly hosts: readonly string[]
  readonly kinds: readonly SegmentKind[]
}

/** The last line of a block of which `shape` is the head. */
export interface BlockEnd {
  /** How the last line begins. */
  readonly marker: Buffer
  /** How far it is looked for. */
  readonly maxBytes: number
}

export interface SecretRule {
  /** Stable id, `dlp.<name>`: public API. */
  readonly rule: string
  readonly title: string
  readonly severity: Severity
  /** What the text must contain, in exact case; empty where `run` says what to look at. */
  readonly literals: readonly string[]
  /** The letters of the literals stand for either case, their digits for any digit. */
  readonly looseLiterals?: true
  /** A 0 in a literal stands for any digit. */
  readonly anyDigit?: true
  /** Whether it is also looked for backwards and moved by thirteen places: where the literal is nothing that text has by chance. */
  readonly disguises?: true
  /**
   * Instead of literals: a whole run of this length of letters, digits, `_` and `-`, or with `base64` of `+` and `/` as well,
   * with one of these characters in front and one certain character behind it.
   */
  readonly run?: { readonly of: 'token' | 'base64'; readonly min: number; readonly max: number; readonly next?: string; readonly first?: string }
  /** How far before the literal the match starts: as many of these bytes as there are, up to `max`. */
  readonly back?: { readonly class: ByteClass; readonly max: number }
  /** Or: where the match starts, found by walking back at most 512 bytes. */
  readonly startOf?: (text: TextWindow, literalStart: number) => number
  /** The whole match, from its first byte. No flags. Linear: no nested repeats, and what repeats cannot match what follows. */
  readonly shape: RegExp
  /** Bytes a match consists of, from the end of the literal on: a match is decided at the first other byte. */
  readonly alphabet: ByteClass
  /** Longest match from the literal on, in bytes. */
  readonly reach: number
  /** Bytes that must not stand directly before the match. */
  readonly notAfter: ByteClass
  /** Looks at structure and checksum. @returns the severity, or `undefined` where it is no credential */
  readonly judge?: (match: string, place: MatchPlace) => Severity | undefined
  readonly homes?: Homes
  /** The match is parts with dots between them, each of at most so many bytes. */
  readonly parts?: readonly number[]
  /** What the first `HEAD_BYTES` behind the literal must match, so that no more is looked at where they do not. */
  readonly head?: RegExp
  /** The shape is a name, what separates it, and a value. */
  readonly pair?: true
  /** The shape is only the head of a block. */
  readonly block?: BlockEnd
  /** Where the issuer says so. */
  readonly source: string
}
