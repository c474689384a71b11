/**
 * The folded view of a text: every escape undone, look-alikes read as what they look like, what is not drawn left out. It
 * exists only near an escape, so that plain text costs nothing: from a kilobyte before one to a kilobyte behind the last.
 */

import type { Hunt } from '../engine/hunt.ts'
import type { TextWindow } from '../engine/text-window.ts'
import type { NestedScan } from '../engine/nested-scan.ts'
import { FOLDABLE, substituteAt, SUBSTITUTION, type Found } from './substitute.ts'

/** How much is read before the first escape and behind the last one: no rule looks further. */
export const FOLD_REACH = 1024
const SLICE_BYTES = 16_384

export class FoldStage {
  readonly #createChild: () => NestedScan
  #child: NestedScan | undefined
  #isActive = false
  /** Whether the text at hand ends inside of what may be an escape. */
  #isWaiting = false
  /** First position that was not fed, or not yet searched for an escape. */
  #fed = 0
  #until = 0
  /** What the next byte owes to characters before it that are not drawn. */
  #leftOut = 0

  constructor(createChild: () => NestedScan) {
    this.#createChild = createChild
  }

  reset(): void {
    this.#isActive = false
    this.#isWaiting = false
    this.#fed = 0
    this.#leftOut = 0
  }

  /** @param hasFoldable whether bytes that may begin an escape have come since the last call */
  feed(text: TextWindow, hunt: Hunt, isLast: boolean, hasFoldable: boolean): void {
    if (!this.#isActive && !hasFoldable && !this.#isWaiting) {
      this.#fed = text.end
      return
    }
    for (;;) {
      if (!this.#isActive && !this.#start(text, hunt, isLast)) return
      if (!this.#run(text, hunt, isLast)) return
      this.#child?.abandon()
      this.#isActive = false
    }
  }

  /** @returns the original offset of the first byte that may belong to a finding of this view, or `otherwise` */
  openOrigin(text: TextWindow, otherwise: number): number {
    // If it is an escape, the view begins before it, and what was open there stays open.
    if (!this.#isActive) return this.#isWaiting ? Math.min(otherwise, text.originOf(Math.max(text.floor, this.#fed - FOLD_REACH))) : otherwise
    const open = this.#child?.openOrigin() ?? otherwise
    return Math.min(otherwise, open, this.#fed < text.end ? text.originOf(this.#fed) : otherwise)
  }

  /** Goes to the next escape. @returns whether there is one */
  #start(text: TextWindow, hunt: Hunt, isLast: boolean): boolean {
    let found: Found = 'none'
    let at = plainEnd(text, this.#fed, text.end)
    for (; at < text.end; at = plainEnd(text, at + 1, text.end)) {
      found = substituteAt(text, at, isLast)
      if (found !== 'none') break
    }
    this.#fed = at
    this.#isWaiting = found === 'more'
    if (found !== 'found') return false
    const from = Math.max(text.floor, at - FOLD_REACH)
    this.#child ??= this.#createChild()
    this.#child.begin(hunt, from > 0)
    this.#isActive = true
    this.#fed = from
    this.#until = at + FOLD_REACH
    return true
  }

  /** @returns whether the view ended; else it waits for more text, or the text is over */
  #run(text: TextWindow, hunt: Hunt, isLast: boolean): boolean {
    const child = this.#child
    if (child === undefined) return false
    for (;;) {
      const from = this.#fed
      const isStuck = this.#pushSlice(text, child.text, isLast)
      if (!hunt.mayDecode(this.#fed - from, text.originOf(from))) return this.#giveUp(text)
      const isOver = isLast && this.#fed >= text.end
      child.text.originEnd = text.originOf(this.#fed)
      child.advance(isOver ? 'complete' : 'open')
      child.forget()
      if (isStuck || isOver) return false
      if (this.#fed >= this.#until) return true
      if (this.#fed >= text.end) return false
    }
  }

  /** The budget is used up: a finding says so, and this text is not folded any further. */
  #giveUp(text: TextWindow): false {
    this.#isActive = false
    this.#fed = text.end
    return false
  }

  /** @returns whether the text ends inside of what may be an escape */
  #pushSlice(text: TextWindow, to: TextWindow, isLast: boolean): boolean {
    const limit = this.#fed + SLICE_BYTES
    while (this.#fed < text.end && this.#fed < this.#until && this.#fed < limit) {
      const at = this.#fed
      const byte = text.at(at)
      const found = FOLDABLE[byte] === 1 ? substituteAt(text, at, isLast) : 'none'
      if (found === 'more') return true
      const pushedTo = to.end
      if (found === 'found') {
        pushSubstitution(text, to, at)
        this.#fed += SUBSTITUTION.length
        this.#until = this.#fed + FOLD_REACH
        if (to.end === pushedTo) this.#leftOut = SUBSTITUTION.undone
      } else {
        this.#fed = plainEnd(text, at + 1, Math.min(text.end, this.#until, limit))
        to.pushSpan(text, at, this.#fed)
      }
      if (this.#leftOut !== 0 && to.end > pushedTo) {
        to.markUndone(pushedTo, this.#leftOut)
        this.#leftOut = 0
      }
    }
    return false
  }
}

/** @returns the next position at which an escape may begin, at most `limit` */
function plainEnd({ bytes, base }: TextWindow, from: number, limit: number): number {
  const end = limit - base
  let at = from - base
  while (at < end && FOLDABLE[bytes[at] ?? 0] !== 1) at++
  return Math.max(from, at + base)
}

function pushSubstitution(text: TextWindow, to: TextWindow, at: number): void {
  const origin = text.originOf(at)
  const undone = text.undoneIn(at, at + SUBSTITUTION.length) | SUBSTITUTION.undone
  for (let next = 0; next < SUBSTITUTION.outLength; next++) to.push(SUBSTITUTION.out[next] ?? 0, origin, undone)
}
