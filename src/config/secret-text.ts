/** A secret of the configuration that cannot be printed by accident. */

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { inspect } from 'node:util'

const KEY = randomBytes(32)
const HIDDEN = '[redacted]'

export class SecretText {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
    Object.freeze(this)
  }

  /** The one way to the text. Never log it, never put it into an error or a receipt. */
  reveal(): string {
    return this.#text
  }

  /** @returns what tells it from another text, in hexadecimal, and only to this process */
  digest(): string {
    return createHmac('sha256', KEY).update(this.#text).digest('hex')
  }

  /** Compares in constant time. */
  equals(other: SecretText): boolean {
    return timingSafeEqual(digest(this.#text), digest(other.#text))
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
