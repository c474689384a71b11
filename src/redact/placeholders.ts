/**
 * Typed, numbered placeholders, `<pl:CLASS:N>`: the published form of Pipelock. Numbers count per class from 1, in the order in
 * which values are first met; the same value of a class has the same number for the whole exchange.
 */

import { hash } from 'node:crypto'

const RULE_PREFIX = /^(?:dlp|custom|own|canary|crypto)\./
const MAX_CLASS_CHARACTERS = 48
/** Classes whose published name is not the rule's own. */
const PUBLISHED: ReadonlyMap<string, string> = new Map([['private-key', 'ssh-private-key']])

/** @returns the class of a finding's rule, for example `aws-access-key` for `dlp.aws_access_key` */
export function classOfRule(rule: string): string {
  const name = rule.replace(RULE_PREFIX, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, MAX_CLASS_CHARACTERS)
  return PUBLISHED.get(name) ?? (name === '' ? 'secret' : name)
}

export class Placeholders {
  /** By class and digest of the value: the value itself is not kept. */
  readonly #numbers = new Map<string, number>()
  readonly #distinct = new Map<string, number>()
  readonly #counts = new Map<string, number>()

  /** Counts one replacement. @param value decoded, so that two spellings are one */
  next(className: string, value: string): string {
    const key = `${className} ${hash('sha256', value, 'base64')}`
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = (this.#distinct.get(className) ?? 0) + 1
      this.#distinct.set(className, number)
      this.#numbers.set(key, number)
    }
    this.#counts.set(className, (this.#counts.get(className) ?? 0) + 1)
    return `<pl:${className}:${number}>`
  }

  /** Replacements so far, by class. */
  get byClass(): ReadonlyMap<string, number> {
    return this.#counts
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }
}
