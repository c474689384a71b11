/**
 * Finds maximal runs of one class of bytes. Only every n-th byte is looked at until one is a member, since a run of n bytes
 * cannot stand between two probes; an open run is walked on where it was left.
 */

import type { ByteClass } from './byte-class.ts'
import type { TextWindow } from './text-window.ts'

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** A run; with `wraps`, line breaks inside of it do not end it. */
export interface Run {
  readonly start: number
  readonly end: number
}

export interface RunOptions {
  readonly members: ByteClass
  readonly min: number
  /** Lines of at least this many characters go on behind a line break; absent: a line break ends the run. */
  readonly wrapsFrom?: number
}

export class RunFinder {
  readonly #options: RunOptions
  /** Where to look on: nothing before it is undecided, except an open run. */
  #from = 0
  #open: { readonly start: number; end: number; lineStart: number } | undefined

  constructor(options: RunOptions) {
    this.#options = options
  }

  reset(): void {
    this.#from = 0
    this.#open = undefined
  }

  /** Calls `onRun` for every run that is complete. */
  find(text: TextWindow, isLast: boolean, onRun: (run: Run) => void): void {
    const { members, min } = this.#options
    while (this.#open !== undefined || this.#from < text.end) {
      this.#open ??= this.#nextRun(text, members, min)
      const open = this.#open
      if (open === undefined) break
      if (!this.#walk(text, open, isLast)) return
      this.#open = undefined
      this.#from = open.end
      if (open.end - open.start >= min) onRun({ start: open.start, end: open.end })
    }
    if (isLast) this.#from = text.end
  }

  /** @returns where an open run begins, or what may become one; else the end of the text */
  openFrom(text: TextWindow): number {
    if (this.#open !== undefined) return this.#open.start
    let from = text.end
    while (from > this.#from && this.#options.members[text.at(from - 1)] === 1) from--
    return from
  }

  /** @returns the open run as far as it is known */
  get open(): Run | undefined {
    return this.#open
  }

  #nextRun(text: TextWindow, members: ByteClass, min: number): { start: number; end: number; lineStart: number } | undefined {
    let at = this.#from + min - 1
    while (at < text.end) {
      if (members[text.at(at)] !== 1) {
        at += min
        continue
      }
      let start = at
      while (start > this.#from && members[text.at(start - 1)] === 1) start--
      let end = at + 1
      while (end < text.end && end - start < min && members[text.at(end)] === 1) end++
      if (end - start >= min || end === text.end) return { start, end, lineStart: start }
      at = end + min
    }
    // Nothing before the last `min - 1` bytes can be part of a run any more.
    this.#from = Math.max(this.#from, tailFrom(text, members, Math.max(this.#from, text.end - min + 1)))
    return undefined
  }

  /** @returns whether the run is complete */
  #walk(text: TextWindow, open: { readonly start: number; end: number; lineStart: number }, isLast: boolean): boolean {
    const { members, wrapsFrom = Infinity } = this.#options
    for (;;) {
      while (open.end < text.end && members[text.at(open.end)] === 1) open.end++
      const next = open.end - open.lineStart < wrapsFrom ? undefined : behindLineBreak(text, open.end)
      if (next === undefined) return open.end < text.end || isLast
      if (next >= text.end) return isLast
      if (members[text.at(next)] !== 1) return true
      open.end = next
      open.lineStart = next
    }
  }
}

/** @returns the position behind `\n` or `\r\n`, or `undefined` where the line goes on; a lone `\r` at the end may still get its `\n` */
function behindLineBreak(text: TextWindow, at: number): number | undefined {
  if (at >= text.end) return undefined
  if (text.at(at) === LINE_FEED) return at + 1
  if (text.at(at) !== CARRIAGE_RETURN) return undefined
  return at + 1 >= text.end || text.at(at + 1) === LINE_FEED ? at + 2 : undefined
}

function tailFrom(text: TextWindow, members: ByteClass, limit: number): number {
  let from = text.end
  while (from > limit && members[text.at(from - 1)] === 1) from--
  return from
}
