/** What a profile does about a credential in an answer. */

import { isEnforcing } from './enforcing.ts'
import type { Passage } from './passage.ts'

/** @returns `rewrite`: the finding is replaced where that can be done, and refuses the answer where it cannot */
export function responseAction({ profile }: Pick<Passage, 'profile'>): 'warn' | 'rewrite' | 'block' {
  const { responseAction: wanted } = profile.dlp
  if (!isEnforcing(profile)) return 'warn'
  if (wanted === 'redact') return 'rewrite'
  return wanted === 'block' ? 'block' : 'warn'
}
