/** Names of profiles: what may be one. Compared byte by byte; nothing is folded or replaced. */

import { DEFAULT_PROFILE } from '../model/agent.ts'

export const AGENT_NAME = /^[A-Za-z0-9._-]{1,64}$/

/** @returns why a text is not the name of a profile, as the words after `expected`, or `undefined` */
export function checkAgentName(name: string): string | undefined {
  if (!AGENT_NAME.test(name)) return 'a name of 1 to 64 letters, digits, dots, hyphens and underscores'
  if (name === 'anonymous') return 'another name: anonymous stands for callers without one'
  if (name.startsWith('_') && name !== DEFAULT_PROFILE) return `a name that does not start with an underscore (only ${DEFAULT_PROFILE} does)`
  return /^\.+$/.test(name) ? 'a name that is not only dots' : undefined
}
