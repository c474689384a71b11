/** A scan as the views see it that feed it: text goes in, findings go to the hunt. */

import type { Hunt } from './hunt.ts'
import type { TextWindow } from './text-window.ts'

export interface NestedScan {
  readonly text: TextWindow
  /** @param isMidText whether the text begins in the middle of another: what begins at its first byte has an unknown past */
  begin(hunt: Hunt, isMidText?: boolean): void
  /** Scans what has been added to the text. @param ending `cut`: nothing comes, but the text it was cut out of goes on */
  advance(ending: 'open' | 'complete' | 'cut'): void
  /** Gives up what is not decided: the text is cut off here. */
  abandon(): void
  /** Lets go of what is decided, but for what rules look back at. */
  forget(): void
  /** @returns the original offset of the first byte that a finding of this view, or of one that follows from it, may begin with */
  openOrigin(): number
}
