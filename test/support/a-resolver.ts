/** A host resolver with the defaults that tests of it want: no cache beyond a minute, no hosts file, nothing protected. */

import type { TestContext } from 'node:test'

import { createManualClock, type ManualClock } from '../../src/base/clock.ts'
import type { AddressRules } from '../../src/egress/address-policy.ts'
import { createResolver, type HostResolver, type ResolverOptions } from '../../src/egress/resolve-host.ts'

export const NOBODY: AddressRules = { allowNetworks: [], trusted: false }
export const TRUSTED: AddressRules = { allowNetworks: [], trusted: true }

export interface TestResolver extends HostResolver {
  readonly clock: ManualClock
}

/** States only what differs. Ends its queries with the test. */
export function aResolver(test: TestContext, changes: Partial<ResolverOptions> = {}): TestResolver {
  const clock = createManualClock()
  const resolver = createResolver({
    hostsFile: '/nowhere/hosts',
    timeoutMs: 2000,
    cacheSeconds: 60,
    maxCacheEntries: 100,
    clock,
    protectedAddress: () => false,
    ...changes,
  })
  test.after(() => {
    resolver.close()
  })
  return { ...resolver, clock }
}
