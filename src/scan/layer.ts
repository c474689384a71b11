/**
 * What a scanner is: it takes the bytes of one message in document order and reports findings. It decides nothing, keeps no
 * matched text, and gives the same findings however the bytes are cut into chunks.
 */

import type { Finding, SegmentKind } from '../model/finding.ts'
import type { DlpPolicy } from '../model/policy.ts'

/** One part of a message. Bytes that belong together come under one object. */
export interface Segment {
  readonly kind: SegmentKind
  /** Lower-case header name where `kind` is `header`, else ''. A list of header names itself is a header segment named ''. */
  readonly name: string
}

/** `listed`: on a list of the profile. `seen`: an exchange of the profile with it has ended well. `new`: neither. */
export type HostStanding = 'listed' | 'seen' | 'new'

/** What is known about the exchange whose bytes are scanned. */
export interface ScanContext {
  readonly direction: 'request' | 'response'
  readonly dlp: DlpPolicy
  /** Canonical host of the destination: the provider's own key may go to the provider's own host. */
  readonly host: string
  readonly scheme: 'http' | 'https'
  /** How well the profile knows the destination; absent: `seen`. */
  readonly standing?: HostStanding
}

/** One direction of one exchange. State is carried over the chunks of a segment, never over two exchanges. */
export interface MessageScan {
  /**
   * Takes the next bytes of a segment. A segment other than the current one ends the current one first.
   * The chunk is read during the call only.
   *
   * @returns what can be decided by now; offsets count from the start of the finding's segment
   */
  write(segment: Segment, chunk: Buffer): readonly Finding[]
  /** The current segment is complete: what waited for more bytes is decided. Without a segment there is nothing to do. */
  endSegment(): readonly Finding[]
  /** The message is complete. Nothing may be written after it. */
  end(): readonly Finding[]
  /**
   * How many bytes at the end of the current segment must not be released yet; 0 after `endSegment`.
   *
   * The guarantee: whoever releases everything but these bytes after each write has not released the first byte of any
   * finding that a later call reports in this segment, decoded views included. Two exceptions: a match of a custom
   * pattern that is longer than 1 KiB (its last 1 KiB is held back), and `scan.decode_budget`, which concerns the whole
   * segment. It is known to fail for chains of named values (`dlp.named_password`): fuzzing finds some whose head left. Behind a content coding everything is held back until the segment ends.
   */
  readonly heldBack: number
}
