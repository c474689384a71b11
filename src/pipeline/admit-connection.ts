/** Whether a TCP connection may speak at all: the connections of one profile never take the places of another's. */

import type { Connection } from '../model/agent.ts'
import { DEFAULT_PROFILE } from '../model/agent.ts'
import type { Denial } from '../model/denial.ts'
import type { Services } from './services.ts'

/** Counts open connections per profile name. Names come from the configuration, so the map is bounded. */
export class ConnectionCounts {
  readonly #open = new Map<string, number>()

  /** @returns how to give the place back, or `undefined` where `limit` (0 = none) is reached */
  take(profile: string, limit: number): (() => void) | undefined {
    const open = this.#open.get(profile) ?? 0
    if (limit > 0 && open >= limit) return undefined
    this.#open.set(profile, open + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      const left = (this.#open.get(profile) ?? 1) - 1
      if (left === 0) this.#open.delete(profile)
      else this.#open.set(profile, left)
    }
  }
}

/**
 * Takes a place for the connection under the profile that its address names. One of a trusted hop is no profile's: it counts
 * among all connections, and each exchange on it among those of its own profile. Who may not be served at all is refused with the first exchange, which can be receipted.
 */
export function admitConnection(connection: Connection, counts: ConnectionCounts, services: Services): (() => void) | Denial {
  if (services.identity.isShared(connection)) return () => undefined
  const { profiles } = services.policy()
  const { agent } = services.identity.resolve(connection, [])
  const name = profiles.has(agent.profile) ? agent.profile : DEFAULT_PROFILE
  const limit = profiles.get(name)?.maxConnections ?? 0
  return counts.take(name, limit) ?? { reason: 'connection_limit', detail: `max_connections ${limit} of ${name}` }
}
