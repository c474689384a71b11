/**
 * One pass over the words of a text, for what shows only in how words follow each other: text taken apart into groups of one
 * length (letters with blanks between them, bytes with colons), and rows of words that are as long as those of a seed phrase.
 */

import { WORD } from '../engine/byte-class.ts'
import type { TextWindow } from '../engine/text-window.ts'

const MAX_GROUP = 8
const MAX_SEPARATOR = 2
/** Three marks in a row, each between two separators. */
const MAX_MARK_GAP = 7
const MIN_GROUPS = 3
const MIN_CHARACTERS = 16
/** Longest separated text that is joined at once. */
const MAX_SPAN = 1024

/** Words of a seed phrase have three to eight letters; a phrase has twelve words or more. */
const MIN_PHRASE_WORDS = 12
const MIN_PHRASE_WORD = 3
const MAX_PHRASE_WORD = 8
/** Between two words of a phrase stand blanks, commas, or a line break and a number. */
const MAX_PHRASE_GAP = 6
/** Longest phrase, and how many words are looked at together. */
const PHRASE_OVERLAP = 24
const MAX_PHRASE_WORDS = 72

export interface WordSinks {
  /** Groups of one length from `start` to `end`. */
  readonly onSeparated: (start: number, end: number) => void
  /** Words of fitting length from `start` to `end`; absent: not asked for. */
  readonly onPhrase?: ((start: number, end: number) => void) | undefined
}

export class WordPass {
  #at = 0
  #isInWord = 0
  #wordStart = 0
  #lastEnd = 0
  /** The row of equal groups: its first position, the size of its groups, how many there are, and what parts them. */
  #rowStart = 0
  #rowSize = 0
  #rowGroups = 0
  #rowSeparator = 0
  /** The phrase: where it begins, where its next part would begin, how many words it has. */
  #phraseStart = 0
  #phraseNext = 0
  #phraseWords = 0
  #phraseEnd = 0

  reset(): void {
    this.#at = 0
    this.#isInWord = 0
    this.#lastEnd = 0
    this.#rowGroups = 0
    this.#phraseWords = 0
  }

  pass(text: TextWindow, isLast: boolean, sinks: WordSinks): void {
    const { bytes, base } = text
    const end = text.end - base
    let isInWord = this.#isInWord
    for (let at = this.#at - base; at < end; at++) {
      const isWord = WORD[bytes[at] ?? 0] ?? 0
      if (isWord === isInWord) continue
      isInWord = isWord
      if (isWord === 1) this.#wordStart = at + base
      else this.#endWord(text, at + base, sinks)
    }
    this.#at = text.end
    this.#isInWord = isInWord
    if (this.#isRowOver(text)) this.#endRow(sinks)
    if (!isLast) return
    if (isInWord === 1) this.#endWord(text, text.end, sinks)
    this.#isInWord = 0
    this.#endRow(sinks)
    this.#endPhrase(sinks)
  }

  /** @returns the first position that a row or phrase that is open begins with */
  openFrom(text: TextWindow): number {
    const row = this.#rowGroups > 0 ? this.#rowStart : text.end
    return Math.min(row, this.#phraseWords > 0 ? this.#phraseStart : text.end, this.#isInWord === 1 ? this.#wordStart : text.end)
  }

  #endWord(text: TextWindow, end: number, sinks: WordSinks): void {
    const start = this.#wordStart
    this.#growRow(text, start, end, sinks)
    if (sinks.onPhrase !== undefined) this.#growPhrase(text, start, end, sinks)
    this.#lastEnd = end
  }

  // eslint-disable-next-line complexity -- asked for every word: the conditions stand where they decide
  #growRow(text: TextWindow, start: number, end: number, sinks: WordSinks): void {
    const size = end - start
    const gap = start - this.#lastEnd
    const isNear = this.#rowGroups > 0 && end - this.#rowStart <= MAX_SPAN && (gap <= MAX_SEPARATOR || (size === 1 && isMarkGap(text, this.#lastEnd, start)))
    const isParted = this.#rowGroups > 1 && text.at(this.#lastEnd) !== this.#rowSeparator
    const isNext = isNear && !isParted
    if (isNear && isParted && size === this.#rowSize) {
      // The last group before another separator is the first one behind it: `k=a.b.c`.
      this.#endRow(sinks)
      this.#rowStart = this.#lastEnd - size
      this.#rowGroups = 1
    }
    if (isNear && this.#rowGroups > 0 && size === this.#rowSize) {
      this.#rowSeparator = text.at(this.#lastEnd)
      this.#rowGroups++
      return
    }
    // What is left over is a shorter last group.
    if (isNext && size < this.#rowSize && this.#rowGroups >= MIN_GROUPS) this.#lastEnd = end
    this.#endRow(sinks)
    this.#rowStart = start
    this.#rowSize = size
    this.#rowGroups = size <= MAX_GROUP ? 1 : 0
  }

  /** Nothing that comes can go on with the row: it is decided now, so that nothing waits for it. */
  #isRowOver(text: TextWindow): boolean {
    if (this.#rowGroups === 0) return false
    return this.#isInWord === 1 ? text.end - this.#wordStart > this.#rowSize : text.end - this.#lastEnd > MAX_MARK_GAP
  }

  #endRow({ onSeparated }: WordSinks): void {
    if (this.#rowGroups >= MIN_GROUPS && this.#rowGroups * this.#rowSize >= MIN_CHARACTERS) onSeparated(this.#rowStart, this.#lastEnd)
    this.#rowGroups = 0
  }

  #growPhrase(text: TextWindow, start: number, end: number, sinks: WordSinks): void {
    const size = end - start
    // Numbers count the words, or part them.
    if (text.at(start) < 0x40) return
    if (size < MIN_PHRASE_WORD || size > MAX_PHRASE_WORD) {
      this.#endPhrase(sinks)
      return
    }
    if (start - this.#phraseEnd > MAX_PHRASE_GAP) this.#endPhrase(sinks)
    if (this.#phraseWords === 0) this.#phraseStart = start
    this.#phraseWords++
    this.#phraseEnd = end
    if (this.#phraseWords === MAX_PHRASE_WORDS - PHRASE_OVERLAP + 1) this.#phraseNext = start
    if (this.#phraseWords < MAX_PHRASE_WORDS) return
    sinks.onPhrase?.(this.#phraseStart, end)
    this.#phraseStart = this.#phraseNext
    this.#phraseWords = PHRASE_OVERLAP
  }

  #endPhrase({ onPhrase }: WordSinks): void {
    if (this.#phraseWords >= MIN_PHRASE_WORDS) onPhrase?.(this.#phraseStart, this.#phraseEnd)
    this.#phraseWords = 0
  }
}

/** @returns whether nothing but single marks stands there, between the same separator: `a._.b` */
function isMarkGap(text: TextWindow, from: number, to: number): boolean {
  if (to - from > MAX_MARK_GAP || (to - from) % 2 === 0) return false
  for (let at = from + 2; at < to; at += 2) if (text.at(at) !== text.at(from)) return false
  return true
}
