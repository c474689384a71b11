/** A Denial in flight. Thrown by stages, caught once in handle-exchange.ts, seen nowhere else. */

import type { Denial } from '../model/denial.ts'

export class Block extends Error {
  override readonly name = 'Block'
  readonly denial: Denial

  constructor(denial: Denial) {
    super(denial.reason)
    this.denial = denial
  }
}

/** Reads any thrown value as a Denial. What is not a Block is our own failure, and still refuses: fail closed. */
export function denialOf(thrown: unknown): Denial {
  if (thrown instanceof Block) return thrown.denial
  return { reason: 'internal_error', detail: thrown instanceof Error ? thrown.name : typeof thrown }
}

/** @throws {Block} where there is a denial */
export function blockOn(denial: Denial | undefined): void {
  if (denial !== undefined) throw new Block(denial)
}
