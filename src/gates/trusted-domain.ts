/** Names whose addresses may be internal (`trusted_domains`). */

import { compileHostList, type HostList } from '../base/host-pattern.ts'
import type { Profile } from '../model/policy.ts'

const COMPILED = new WeakMap<readonly string[], HostList>()

/** @param host canonical */
export function isTrusted({ trustedDomains }: Pick<Profile, 'trustedDomains'>, host: string, port: number): boolean {
  if (trustedDomains.length === 0) return false
  let list = COMPILED.get(trustedDomains)
  if (list === undefined) {
    list = compileHostList(trustedDomains)
    COMPILED.set(trustedDomains, list)
  }
  return list.matches(host, port) !== undefined
}
