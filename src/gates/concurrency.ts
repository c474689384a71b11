/** How many exchanges and tunnels of each profile are open, and the limit on it. */

import type { Denial } from '../model/denial.ts'
import type { Profile } from '../model/policy.ts'

export interface ConcurrencyLimiter {
  /** @returns a place to be released exactly when the exchange has ended, or the denial `connection_limit` */
  acquire(profile: Pick<Profile, 'name' | 'maxConnections'>): Place | Denial
  /** Open places by profile name; a profile without one is absent, so the map is as small as the work in hand. */
  open(): ReadonlyMap<string, number>
}

export interface Place {
  /** Further calls do nothing: an exchange that ends twice frees one place. */
  release(): void
}

export function createConcurrencyLimiter(): ConcurrencyLimiter {
  const open = new Map<string, number>()

  const leave = (name: string): void => {
    const left = (open.get(name) ?? 0) - 1
    if (left > 0) open.set(name, left)
    else open.delete(name)
  }

  return {
    acquire: ({ name, maxConnections }) => {
      const taken = open.get(name) ?? 0
      if (maxConnections > 0 && taken >= maxConnections) return { reason: 'connection_limit', detail: `${taken} open, max_connections ${maxConnections}` }
      open.set(name, taken + 1)
      return placeOf(() => {
        leave(name)
      })
    },
    open: () => open,
  }
}

function placeOf(leave: () => void): Place {
  let held = true
  return {
    release: () => {
      if (held) leave()
      held = false
    },
  }
}
