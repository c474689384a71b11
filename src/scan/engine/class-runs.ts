/** How far runs of one class of bytes go, each byte walked over once however often it is asked. */

import type { ByteClass } from './byte-class.ts'
import type { TextWindow } from './text-window.ts'

interface Walk {
  from: number
  end: number
}

export class ClassRuns {
  readonly #walks = new Map<ByteClass, Walk>()

  reset(): void {
    if (this.#walks.size > 0) this.#walks.clear()
  }

  /** @returns the first position from `from` on whose byte is no member, or the end of the text */
  endOfRun(text: TextWindow, members: ByteClass, from: number): number {
    let walk = this.#walks.get(members)
    if (walk === undefined) {
      walk = { from, end: from }
      this.#walks.set(members, walk)
    } else if (from < walk.from || from > walk.end) {
      walk.from = from
      walk.end = from
    }
    while (walk.end < text.end && members[text.at(walk.end)] === 1) walk.end++
    return walk.end
  }
}
