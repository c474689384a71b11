/** Scans one complete stretch of bytes under all its views. */

import type { Finding } from '../model/finding.ts'
import { compileRules, type CompiledRules } from './compile-rules.ts'
import { encodedViews, escapeView, percentView, type View } from './decoded-views.ts'
import type { ScanContext, Segment } from './layer.ts'
import { matchRules, type Matched } from './match-rules.ts'

export interface SegmentScan {
  readonly findings: readonly Finding[]
  /** Offset in the original bytes from which on nothing may be released yet. */
  readonly openFrom: number
}

export function scanSegment(bytes: Buffer, segment: Segment, context: ScanContext): SegmentScan {
  const rules = compileRules(context.dlp)
  const found = new Findings(segment)
  const raw = found.look(bytes, undefined, rules, context)
  let openFrom = raw.openFrom
  for (const view of [percentView(bytes), segment.kind === 'body' ? escapeView(bytes) : undefined]) {
    if (view === undefined) continue
    const decoded = found.look(view.bytes, view, rules, context)
    openFrom = Math.min(openFrom, view.origin[decoded.openFrom] ?? openFrom)
    for (const encoded of encodedViews(view.bytes, decoded.runs)) found.look(encoded.bytes, through(view, encoded), rules, context)
  }
  for (const encoded of encodedViews(bytes, raw.runs)) found.look(encoded.bytes, encoded, rules, context)
  const lastRun = raw.runs.at(-1)
  if (lastRun?.end === bytes.length) openFrom = Math.min(openFrom, lastRun.start)
  return { findings: found.all, openFrom }
}

function through(outer: View, inner: View): View & { readonly outer: string } {
  return { ...inner, origin: inner.origin.map((at) => outer.origin[at] ?? 0), outer: outer.name }
}

class Findings {
  readonly all: Finding[] = []
  readonly #segment: Segment
  readonly #seen = new Set<string>()

  constructor(segment: Segment) {
    this.#segment = segment
  }

  // eslint-disable-next-line complexity -- half of it are guards of indexes that exist
  look(bytes: Buffer, view: (View & { readonly outer?: string }) | undefined, rules: CompiledRules, { direction, host }: ScanContext): Matched {
    const isDecoded = view?.name === 'base64' || view?.name === 'hex'
    const matched = matchRules(bytes, rules, { kind: this.#segment.kind, segment: this.#segment.name, host, direction, isDecoded })
    const views = view === undefined ? [] : [...(view.outer === undefined ? [] : [view.outer]), view.name]
    for (const { rule, severity, start, end } of matched.matches) {
      const from = view === undefined ? start : (view.origin[start] ?? 0)
      const to = view === undefined ? end : (view.origin[end] ?? 0)
      const key = `${rule} ${from}`
      if (this.#seen.has(key)) continue
      this.#seen.add(key)
      this.all.push({ rule, severity, kind: this.#segment.kind, segment: this.#segment.name, views, start: from, end: to })
    }
    return matched
  }
}
