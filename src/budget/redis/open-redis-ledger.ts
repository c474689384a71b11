/** Makes the ledger that replicas share. */

import { join } from 'node:path'

import type { Clock } from '../../base/clock.ts'
import type { BudgetLedger, Lease } from '../ledger.ts'
import { createLocalShare } from './local-share.ts'
import { createRedisClient } from './redis-client.ts'
import { RedisLedger } from './redis-ledger.ts'
import { SharedStore } from './shared-store.ts'
import { StoreContinuity } from './store-continuity.ts'
import { StoreError } from './store-error.ts'
import { createStoreMemoryFile } from './store-memory-file.ts'

export interface SharedLedgerOptions {
  readonly clock: Clock
  /** `redis://…`, `rediss://…` (TLS), with user and password in it; or `unix:/path`. */
  readonly url: string
  /** Folder in which the process remembers which store it was; each replica has its own. */
  readonly dir: string
  /** First part of all keys: lower-case letters, digits and hyphens; `chaperone` where absent. */
  readonly namespace?: string
  /** While the store is away: refuse (where absent), or spend this replica's share of each limit. */
  readonly degradeToShareOf?: { readonly replicas: number }
  /** For a command; 250 where absent. */
  readonly timeoutMs?: number
  /** The operator vouches for `noeviction` where the store does not let it be read. */
  readonly assumeNoEviction?: boolean
  readonly onExpired?: (lease: Lease) => void
}

const TIMEOUT_MS = 250
const FIRST_LOOK_MS = 2000

/**
 * @returns a ledger, also where the store is away for now: `health` says so
 * @throws {StoreError} where the store answers but must not be used, or ioredis is not installed
 */
export async function openRedisLedger({ clock, url, dir, namespace = 'chaperone', timeoutMs = TIMEOUT_MS, ...options }: SharedLedgerOptions): Promise<BudgetLedger> {
  if (!/^[a-z0-9-]{1,64}$/.test(namespace)) throw new StoreError('namespace: expected 1 to 64 lower-case letters, digits and hyphens')
  const memory = createStoreMemoryFile(join(dir, 'store'))
  const continuity = new StoreContinuity(memory, await memory.read())
  const store = new SharedStore({ clock, namespace, continuity, ...(options.assumeNoEviction !== undefined && { assumeNoEviction: options.assumeNoEviction }) })
  const client = await createRedisClient({ url, timeoutMs, epochKey: store.epochKey, admit: (facts) => store.admit(facts) })
  store.use(client)
  const localShare = options.degradeToShareOf === undefined ? undefined : createLocalShare(clock, options.degradeToShareOf.replicas)
  const ledger = new RedisLedger({ clock, store, ...(localShare !== undefined && { localShare }), ...(options.onExpired !== undefined && { onExpired: options.onExpired }) })
  await client.firstLook(FIRST_LOOK_MS)
  if (store.problem === undefined) return ledger
  await ledger.close()
  throw new StoreError(store.problem)
}
