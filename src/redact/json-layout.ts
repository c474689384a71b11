/**
 * Where the string values of a JSON text stand, found in one pass without recursion and without building anything. Strict
 * enough that a text with such a string replaced is JSON again. Several texts may follow each other (NDJSON).
 */

import type { Slot } from './slot.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const COMMA = 0x2c
const COLON = 0x3a
const SPACE = 0x20
const SCALAR = /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?=[\s,\]}]|$)/y
const LONGEST_SCALAR = 1024

/** What may come next. */
type Expect = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma'

/** @returns the slots of all string values, in order; `undefined` where the bytes are not JSON. Keys and numbers are no slots. */
export function layoutJson(bytes: Buffer): readonly Slot[] | undefined {
  const lexer = new JsonLexer(bytes)
  return lexer.run() ? lexer.slots : undefined
}

class JsonLexer {
  readonly slots: Slot[] = []
  readonly #bytes: Buffer
  readonly #open: number[] = []
  #at = 0
  #expect: Expect = 'value'
  #values = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  run(): boolean {
    for (;;) {
      while (isBlank(this.#bytes[this.#at])) this.#at++
      if (this.#at >= this.#bytes.length) return this.#open.length === 0 && this.#expect === 'value' && this.#values > 0
      if (!this.#step(this.#bytes[this.#at] ?? 0)) return false
    }
  }

  #step(byte: number): boolean {
    if (byte === QUOTE) return this.#string()
    if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) return this.#close(byte)
    if (this.#expect === 'colon') return this.#take(byte === COLON, 'value')
    if (this.#expect === 'comma') return this.#take(byte === COMMA, this.#open.at(-1) === OPEN_OBJECT ? 'key' : 'value')
    return this.#expect.startsWith('value') && this.#valueFrom(byte)
  }

  #valueFrom(byte: number): boolean {
    return byte === OPEN_OBJECT || byte === OPEN_ARRAY ? this.#enter(byte) : this.#scalar()
  }

  #take(isRight: boolean, next: Expect): boolean {
    this.#at++
    this.#expect = next
    return isRight
  }

  #enter(byte: number): boolean {
    this.#open.push(byte)
    return this.#take(true, byte === OPEN_OBJECT ? 'key or }' : 'value or ]')
  }

  #close(byte: number): boolean {
    const opened = this.#open.pop()
    const isPair = byte === CLOSE_OBJECT ? opened === OPEN_OBJECT : opened === OPEN_ARRAY
    const isDue = this.#expect === 'comma' || this.#expect === (byte === CLOSE_OBJECT ? 'key or }' : 'value or ]')
    this.#at++
    this.#valueDone()
    return isPair && isDue
  }

  /** A value is complete: at the top another text may follow, inside a comma must. */
  #valueDone(): void {
    this.#values++
    this.#expect = this.#open.length === 0 ? 'value' : 'comma'
  }

  #string(): boolean {
    if (this.#expect === 'colon' || this.#expect === 'comma') return false
    const isKey = this.#expect === 'key' || this.#expect === 'key or }'
    const start = this.#at + 1
    const end = this.#stringEnd(start)
    if (end === undefined) return false
    this.#at = end + 1
    if (isKey) this.#expect = 'colon'
    else {
      this.slots.push({ start, end, escape: 'json' })
      this.#valueDone()
    }
    return true
  }

  #stringEnd(from: number): number | undefined {
    for (let at = from; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at] ?? 0
      if (byte === QUOTE) return at
      if (byte < SPACE) return undefined
      if (byte === BACKSLASH) at++
    }
    return undefined
  }

  #scalar(): boolean {
    SCALAR.lastIndex = 0
    const match = SCALAR.exec(this.#bytes.toString('latin1', this.#at, this.#at + LONGEST_SCALAR))
    if (match === null) return false
    this.#at += match[0].length
    this.#valueDone()
    return true
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09
}
