/** Joins text that was taken apart into groups of one length, and scans it. */

import { WORD } from '../engine/byte-class.ts'
import type { Hunt } from '../engine/hunt.ts'
import type { NestedScan } from '../engine/nested-scan.ts'
import type { Run } from '../engine/run-finder.ts'
import { UNDONE, type TextWindow } from '../engine/text-window.ts'

export function joinGroups(text: TextWindow, hunt: Hunt, { start, end }: Run, child: NestedScan): void {
  if (!hunt.mayDecode(end - start, text.originOf(start))) return
  child.begin(hunt)
  let gap = 0
  for (let at = start; at < end; at++) {
    gap = WORD[text.at(at)] === 1 ? 0 : gap + 1
    // Between two separators stands a mark that belongs to the text.
    if (gap === 0 || (gap % 2 === 0 && WORD[text.at(at + 1)] !== 1)) child.text.push(text.at(at), text.originOf(at), text.undoneAt(at) | UNDONE.separators)
  }
  child.text.originEnd = text.originOf(end)
  child.advance('complete')
}
