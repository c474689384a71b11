/** What a scanner found, and where. A finding never holds the text that matched. */

/** The part of a message that a segment of bytes came from. */
export type SegmentKind = 'url' | 'header' | 'body' | 'trailer'

export interface Finding {
  /** Stable id of the rule, for example `dlp.aws_access_key`. */
  readonly rule: string
  readonly severity: 'low' | 'medium' | 'high' | 'critical'
  readonly kind: SegmentKind
  /** Header name where `kind` is `header`, else ''. */
  readonly segment: string
  /** Decodings from the original bytes to the text that matched, outermost first; empty for the bytes as they are. */
  readonly views: readonly string[]
  /** Offsets in the original bytes of the segment; with views, of the span that was decoded. End is exclusive. */
  readonly start: number
  readonly end: number
}
