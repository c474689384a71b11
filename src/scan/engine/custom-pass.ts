/** Looks for the operator's own patterns, in windows that overlap by the longest match that is promised. */

import type { CustomRule } from './compile-rules.ts'
import type { Sight } from './probe.ts'
import type { TextWindow } from './text-window.ts'

/** Longest match that is promised, in bytes. */
const REACH = 1024
const STEP = 1024

export class CustomPass {
  #from = 0
  #isUsed = false

  reset(): void {
    this.#from = 0
    this.#isUsed = false
  }

  find(sight: Sight, rules: readonly CustomRule[]): void {
    if (rules.length === 0) return
    this.#isUsed = true
    while (this.#from < sight.text.end) {
      const accepted = this.#from + STEP
      const isComplete = accepted + REACH <= sight.text.end
      if (!isComplete && !sight.isLast) return
      this.#look(sight, rules, isComplete ? accepted : sight.text.end)
      this.#from = isComplete ? accepted : sight.text.end
    }
  }

  openFrom(text: TextWindow): number {
    return this.#isUsed ? Math.min(this.#from, text.end) : text.end
  }

  #look({ text, hunt }: Sight, rules: readonly CustomRule[], accepted: number): void {
    const from = Math.max(text.floor, this.#from - REACH)
    const window = text.slice(from, Math.min(text.end, accepted + REACH))
    hunt.work(window.length)
    for (const { rule, severity, pattern } of rules) {
      // Asking first is much faster than looking for the place.
      if (!pattern.test(window)) continue
      const matcher = pattern.matcher(window)
      while (matcher.find()) {
        const [start, end] = [from + matcher.start(), from + matcher.end()]
        if (end > start && start >= this.#from && start < accepted) hunt.report({ rule, severity, start, end }, text)
      }
    }
  }
}
