/**
 * Replaces spans of a body that is released piece by piece, while the scanner holds back what it has not decided. The form of
 * the body is known by its type alone, so that only what is safe in the middle of such a form is replaced.
 */

import type { Finding } from '../model/finding.ts'
import { classOfRule, Placeholders } from './placeholders.ts'
import { encodeFor, type Escape, type Unsafe } from './slot.ts'

interface PendingEdit {
  readonly start: number
  readonly end: number
  readonly text: Buffer
}

const JSON_TYPE = /[/+](?:json|x-ndjson|jsonl|ndjson)$/
const MARKUP_TYPE = /(?:^|[/+])(?:html|xml|xhtml)$/
const TEXT_TYPE = /^text\/|^application\/(?:[a-z0-9.+-]+\+)?(?:javascript|yaml|x-yaml|toml|sql)$/
/** What a JSON text writes outside of strings, besides names of values. */
const BARE_JSON = /^[-+0-9.eE\s]*$/

/** @returns how such a body writes text; `undefined` where it is no text */
export function escapeOfType(contentType: string): Escape | undefined {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  if (JSON_TYPE.test(type)) return 'json'
  if (MARKUP_TYPE.test(type)) return 'markup'
  return TEXT_TYPE.test(type) ? 'none' : undefined
}

export class StreamSplicer {
  readonly placeholders = new Placeholders()
  readonly #escape: Escape
  readonly #edits: PendingEdit[] = []
  /** Bytes from this offset of the body on have neither been released nor replaced. */
  #from = 0

  constructor(escape: Escape) {
    this.#escape = escape
  }

  /**
   * @param known bytes of the body from `offset` on, the findings' among them
   * @returns why one of the findings cannot be replaced: the stream must end then
   */
  add(findings: readonly Finding[], known: Buffer, offset: number): Unsafe | undefined {
    for (const { rule, start, end } of findings) {
      const text = known.toString('utf8', start - offset, end - offset)
      if (start < this.#from || start >= end) return { unsafe: `${rule} does not say what to replace` }
      if (this.#escape === 'json' && (/["{}[\]]/.test(text.replace(/\\./gs, '')) || BARE_JSON.test(text))) return { unsafe: `${rule} is no part of one text` }
      this.#insert({ start, end, text: encodeFor(this.#escape, this.placeholders.next(classOfRule(rule), text)) })
    }
    return undefined
  }

  /** Overlapping spans become one; the first placeholder stands for all of it. */
  #insert(edit: PendingEdit): void {
    const touching = this.#edits.filter(({ start, end }) => start < edit.end && edit.start < end)
    const all = [...touching, edit]
    const [first = edit] = touching
    const merged = { start: Math.min(...all.map(({ start }) => start)), end: Math.max(...all.map(({ end }) => end)), text: first.text }
    const rest = this.#edits.filter((other) => !touching.includes(other))
    this.#edits.splice(0, this.#edits.length, ...[...rest, merged].sort((a, b) => a.start - b.start))
  }

  /**
   * @param known bytes of the body from `offset` on
   * @param until offset up to which they may be released
   * @returns what goes out, and the offset behind it: a replaced span goes as a whole
   */
  release(known: Buffer, offset: number, until: number): { readonly bytes: Buffer; readonly next: number } {
    const pieces: Buffer[] = []
    let at = offset
    for (let edit = this.#edits[0]; edit !== undefined && edit.start < until; edit = this.#edits[0]) {
      pieces.push(known.subarray(at - offset, edit.start - offset), edit.text)
      at = edit.end
      this.#edits.shift()
    }
    if (at < until) pieces.push(known.subarray(at - offset, until - offset))
    this.#from = Math.max(at, until)
    return { bytes: pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces), next: this.#from }
  }
}
