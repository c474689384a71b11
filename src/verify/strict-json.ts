/**
 * JSON (RFC 8259) as evidence needs it: no duplicate keys, no lone surrogates, nesting up to 128, numbers kept as text
 * because signatures are over their spelling, and every value with its place, so that raw text can be hashed.
 */

import { ShapeError } from './fault.ts'

interface Span {
  /** Offsets in the source: `source.slice(start, end)` is the raw text. */
  readonly start: number
  readonly end: number
}

export interface JsonObject extends Span {
  readonly kind: 'object'
  /** In order of the text. */
  readonly members: ReadonlyMap<string, JsonValue>
}

export interface JsonArray extends Span {
  readonly kind: 'array'
  readonly items: readonly JsonValue[]
}

export interface JsonText extends Span {
  readonly kind: 'text'
  readonly value: string
}

/** `value` is the spelling. */
export interface JsonNumber extends Span {
  readonly kind: 'number'
  readonly value: string
}

export interface JsonLiteral extends Span {
  readonly kind: 'true' | 'false' | 'null'
}

export type JsonValue = JsonObject | JsonArray | JsonText | JsonNumber | JsonLiteral

const MAX_DEPTH = 128

const LONE_SURROGATE = /\p{Surrogate}/u
const WHITE_SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const LITERAL = /true|false|null/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

const QUOTE = 0x22
const BACKSLASH = 0x5c
const SPACE = 0x20

/** @throws {ShapeError} `invalid_json` when the text is not exactly one value of strict JSON */
export function parseJson(text: string): JsonValue {
  if (LONE_SURROGATE.test(text)) throw new ShapeError('invalid_json', 'a lone surrogate')
  const reader = new JsonReader(text)
  const value = reader.value(0)
  reader.end()
  return value
}

/** @returns the value of a text, whatever its form; `undefined` where the text is not strict JSON */
export function tryParseJson(text: string): JsonValue | undefined {
  try {
    return parseJson(text)
  } catch (thrown) {
    if (thrown instanceof ShapeError) return undefined
    throw thrown
  }
}

class JsonReader {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  value(depth: number): JsonValue {
    this.#skipWhiteSpace()
    const start = this.#at
    const first = this.#source[start]
    if (first === '"') return { kind: 'text', value: this.#text(), start, end: this.#at }
    if (first === '{') return this.#object(start, depth + 1)
    if (first === '[') return this.#array(start, depth + 1)
    return this.#scalar(start)
  }

  end(): void {
    this.#skipWhiteSpace()
    if (this.#at !== this.#source.length) this.#fail('expected the end of the text')
  }

  #object(start: number, depth: number): JsonObject {
    this.#enter(depth)
    const members = new Map<string, JsonValue>()
    if (!this.#takes('}')) {
      do {
        this.#skipWhiteSpace()
        if (this.#source[this.#at] !== '"') this.#fail('expected a key')
        const key = this.#text()
        if (members.has(key)) this.#fail('a duplicate key')
        this.#expect(':')
        members.set(key, this.value(depth))
      } while (this.#takes(','))
      this.#expect('}')
    }
    return { kind: 'object', members, start, end: this.#at }
  }

  #array(start: number, depth: number): JsonArray {
    this.#enter(depth)
    const items: JsonValue[] = []
    if (!this.#takes(']')) {
      do items.push(this.value(depth))
      while (this.#takes(','))
      this.#expect(']')
    }
    return { kind: 'array', items, start, end: this.#at }
  }

  #enter(depth: number): void {
    if (depth > MAX_DEPTH) this.#fail(`nesting beyond ${MAX_DEPTH}`)
    this.#at++
  }

  #scalar(start: number): JsonNumber | JsonLiteral {
    const literal = this.#match(LITERAL)
    if (literal !== undefined) return { kind: literal as JsonLiteral['kind'], start, end: this.#at }
    const number = this.#match(NUMBER)
    return number === undefined ? this.#fail('expected a value') : { kind: 'number', value: number, start, end: this.#at }
  }

  #text(): string {
    const start = ++this.#at
    let hasEscape = false
    for (;;) {
      const unit = this.#source.charCodeAt(this.#at)
      if (unit === QUOTE) break
      // NaN, behind the end, is not below SPACE.
      if (unit < SPACE || Number.isNaN(unit)) this.#fail('a string that does not end, or with a control character')
      if (unit === BACKSLASH) {
        hasEscape = true
        if (this.#match(ESCAPE) === undefined) this.#fail('an unknown escape')
      } else this.#at++
    }
    const raw = this.#source.slice(start, this.#at++)
    if (!hasEscape) return raw
    const text = JSON.parse(`"${raw}"`) as string
    if (LONE_SURROGATE.test(text)) this.#fail('a lone surrogate')
    return text
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#source)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #skipWhiteSpace(): void {
    // Compact text is the rule: look before running the pattern.
    if (this.#source.charCodeAt(this.#at) <= SPACE) this.#match(WHITE_SPACE)
  }

  #takes(character: string): boolean {
    this.#skipWhiteSpace()
    if (this.#source[this.#at] !== character) return false
    this.#at++
    return true
  }

  #expect(character: string): void {
    if (!this.#takes(character)) this.#fail(`expected ${character}`)
  }

  #fail(expected: string): never {
    throw new ShapeError('invalid_json', `${expected} at character ${this.#at}`)
  }
}
