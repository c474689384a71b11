/** Confirms a piece of one of the agent's own secrets: how much of it stands here, in either direction, letters in either case. */

import { GRAM_BYTES, printGram } from '../../base/gram-print.ts'
import type { OwnSecret } from '../../model/own-secret.ts'
import { BASE64 } from './byte-class.ts'
import type { Candidate, Probe, RuleMatch, Sight } from './probe.ts'
import type { TextWindow } from './text-window.ts'

/** A stream holds back the open run of characters up to this length: a match begins no earlier. */
const MAX_BACK = 64

export class OwnSecretProbe implements Probe {
  readonly rule: string
  readonly #secret: OwnSecret
  readonly #offset: number
  readonly #isReversed: boolean

  /** @param offset of the piece within the secret */
  constructor(secret: OwnSecret, offset: number, direction: 'forwards' | 'backwards') {
    this.rule = secret.rule
    this.#secret = secret
    this.#offset = offset
    this.#isReversed = direction === 'backwards'
  }

  startAt({ text }: Sight, literalStart: number): number {
    const limit = Math.max(text.floor, literalStart - Math.min(MAX_BACK, this.#bytesBefore()))
    let start = literalStart
    while (start > limit && BASE64[text.at(start - 1)] === 1) start--
    return start
  }

  windowEnd({ text, isLast }: Sight, { literalEnd }: Candidate): number | undefined {
    const end = literalEnd + this.#secret.lengthBytes - GRAM_BYTES - this.#bytesBefore()
    return isLast || end <= text.end ? Math.min(end, text.end) : undefined
  }

  confirm({ text }: Sight, { start, literalStart, literalEnd }: Candidate, windowEnd: number): RuleMatch | undefined {
    if (!this.#fits(text, literalStart, literalStart)) return undefined
    let from = literalStart
    while (from > start && this.#fits(text, from - 1, literalStart)) from--
    let to = literalEnd
    while (to < windowEnd && this.#fits(text, to + 1 - GRAM_BYTES, literalStart)) to++
    return to - from < this.#secret.leakBytes ? undefined : { rule: this.rule, severity: 'critical', start: from, end: to, ...(this.#isReversed && { reading: 'reversed' }) }
  }

  /** How many bytes of the secret stand before the piece in the text. */
  #bytesBefore(): number {
    return this.#isReversed ? this.#secret.lengthBytes - GRAM_BYTES - this.#offset : this.#offset
  }

  /** @returns whether the eight bytes at `position` are those of the secret at the same distance from the piece */
  #fits(text: TextWindow, position: number, literalStart: number): boolean {
    const distance = position - literalStart
    const expected = this.#secret.grams[this.#isReversed ? this.#offset - distance : this.#offset + distance]
    if (expected === undefined) return false
    return printGram(this.#secret.key, (place) => text.at(this.#isReversed ? position + GRAM_BYTES - 1 - place : position + place)) === expected
  }
}
