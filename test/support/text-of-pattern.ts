/** Makes texts that a regular expression matches: rules are tested with texts made from what they look for. */

/** @returns a whole number from 0 to `below - 1` */
export type Choose = (below: number) => number

const DIGITS = '0123456789'
const WORD = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz${DIGITS}_`
const PRINTABLE = Array.from({ length: 94 }, (_, at) => String.fromCharCode(0x21 + at)).join('')
/** A repeat without a bound, or with a wide one, is made at most this much longer than it must be. */
const MAX_EXTRA = 24

/**
 * @param source of a pattern without back-references; look-ahead is left out, so the caller has to see whether the text matches
 */
export function textOfPattern(source: string, choose: Choose): string {
  return new Maker(source, choose).alternatives()
}

class Maker {
  readonly #source: string
  readonly #choose: Choose
  #at = 0

  constructor(source: string, choose: Choose) {
    this.#source = source
    this.#choose = choose
  }

  /** Reads up to the end or a closing bracket; makes every alternative and takes one. */
  alternatives(): string {
    const texts = [this.#sequence()]
    while (this.#source[this.#at] === '|') {
      this.#at++
      texts.push(this.#sequence())
    }
    return texts[this.#choose(texts.length)] ?? ''
  }

  #sequence(): string {
    let text = ''
    while (this.#at < this.#source.length && this.#source[this.#at] !== '|' && this.#source[this.#at] !== ')') {
      const from = this.#at
      const first = this.#atom()
      const count = this.#quantifier()
      const behind = this.#at
      for (let made = 0; made < count; made++) {
        if (made === 0) text += first
        else {
          this.#at = from
          text += this.#atom()
        }
      }
      this.#at = behind
    }
    return text
  }

  #atom(): string {
    const character = this.#source[this.#at++] ?? ''
    if (character === '(') return this.#group()
    if (character === '[') return this.#oneOf(this.#members())
    if (character === '\\') return this.#oneOf(escaped(this.#source[this.#at++] ?? ''))
    if (character === '^' || character === '$') return ''
    return character === '.' ? this.#oneOf(PRINTABLE) : character
  }

  #group(): string {
    const opening = /^\?(?:[:=!]|<[=!])/.exec(this.#source.slice(this.#at))?.[0] ?? ''
    this.#at += opening.length
    const text = this.alternatives()
    this.#at++
    return opening === '' || opening === '?:' ? text : ''
  }

  /** Behind `[`; leaves behind `]`. */
  #members(): string {
    const isNegated = this.#source[this.#at] === '^'
    if (isNegated) this.#at++
    let members = ''
    while (this.#source[this.#at] !== ']') {
      const first = this.#source[this.#at++] ?? ''
      if (first === '\\') members += escaped(this.#source[this.#at++] ?? '')
      else if (this.#source[this.#at] === '-' && this.#source[this.#at + 1] !== ']') {
        members += range(first, this.#source[this.#at + 1] ?? first)
        this.#at += 2
      } else members += first
    }
    this.#at++
    return isNegated ? Array.from(PRINTABLE).filter((character) => !members.includes(character)).join('') : members
  }

  #quantifier(): number {
    const match = /^(?:([?*+])|\{(\d+)(,)?(\d*)\})\??/.exec(this.#source.slice(this.#at))
    if (match === null) return 1
    const [whole, sign, low = '0', comma, high] = match
    this.#at += whole.length
    const min = sign === '+' ? 1 : sign === undefined ? Number(low) : 0
    const max = sign === '?' ? 1 : sign !== undefined ? min + MAX_EXTRA : comma === undefined ? min : high === '' ? min + MAX_EXTRA : Number(high)
    return min + this.#choose(Math.min(max - min, MAX_EXTRA) + 1)
  }

  #oneOf(members: string): string {
    return members.charAt(this.#choose(members.length))
  }
}

function escaped(letter: string): string {
  const named: Readonly<Record<string, string>> = { d: DIGITS, w: WORD, s: ' \t', S: PRINTABLE, D: WORD.replace(/\d/g, ''), n: '\n', r: '\r', t: '\t' }
  return named[letter] ?? letter
}

function range(first: string, last: string): string {
  const from = first.charCodeAt(0)
  return Array.from({ length: last.charCodeAt(0) - from + 1 }, (_, at) => String.fromCharCode(from + at)).join('')
}
