/**
 * Which hosts each profile has dealt with: an identifier made of chance says nothing to a host that is in use, and much to one
 * that nobody has seen. Kept in memory, bounded per profile; after a restart every host is new once.
 */

import { LRUCache } from 'lru-cache'

import { compileHostList, type HostList } from '../base/host-pattern.ts'
import { parseIpAddress } from '../base/ip-address.ts'
import { networkContains } from '../base/network.ts'
import type { Profile } from '../model/policy.ts'
import type { HostStanding } from '../scan/index.ts'

const MAX_HOSTS_PER_PROFILE = 4096

export class HostMemory {
  /** By profile name: names come from the configuration, so the map is bounded. */
  readonly #seen = new Map<string, LRUCache<string, true>>()
  /** A reload makes new profile objects. */
  readonly #lists = new WeakMap<Profile, HostList>()

  /** @param host canonical */
  standingOf(profile: Profile, host: string, port: number): HostStanding {
    if (this.#listOf(profile).matches(host, port) !== undefined || isOpened(profile, host)) return 'listed'
    return this.#seen.get(profile.name)?.get(host) === true ? 'seen' : 'new'
  }

  /** An exchange of the profile with the host ended well. */
  note(profileName: string, host: string): void {
    let hosts = this.#seen.get(profileName)
    if (hosts === undefined) {
      hosts = new LRUCache({ max: MAX_HOSTS_PER_PROFILE })
      this.#seen.set(profileName, hosts)
    }
    hosts.set(host, true)
  }

  #listOf(profile: Profile): HostList {
    let list = this.#lists.get(profile)
    if (list === undefined) {
      list = compileHostList([...profile.apiAllowlist, ...profile.trustedDomains])
      this.#lists.set(profile, list)
    }
    return list
  }
}

/** An address that the operator opened by its network is on a list, too. */
function isOpened({ ssrfIpAllowlist }: Profile, host: string): boolean {
  if (ssrfIpAllowlist.length === 0) return false
  const address = parseIpAddress(host)
  return address !== undefined && ssrfIpAllowlist.some((network) => networkContains(network, address))
}
