/** Whether findings of scanners refuse, or only warn. */

import type { Profile } from '../model/policy.ts'

export function isEnforcing({ mode, enforce }: Pick<Profile, 'mode' | 'enforce'>): boolean {
  return enforce && mode !== 'audit'
}
