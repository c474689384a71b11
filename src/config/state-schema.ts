/** Where what several companions share is kept, and what happens while it cannot be asked. Rows only. */

import * as z from 'zod'
import { DEFAULTS as D } from './defaults.ts'
import { duration, flag, hiddenText, key, leaf, oneOf, wholeNumber, type KeyFacts } from './leaves.ts'

const restart = (description: string, effect: string, rest: Partial<KeyFacts> = {}): KeyFacts => ({ description, effect, applies: 'restart', ...rest })

const MAX_URL = 2_048
const MAX_REPLICAS = 1_000
export const STATE_FORM = 'redis://, rediss:// or unix:/ and the place of the store, best written ${env:NAME}'

export const sharedState = key(hiddenText(STATE_FORM, { min: 1, max: MAX_URL }), restart(
  'Redis or Valkey that all replicas share: redis://user:password@host:6379, rediss:// for TLS, or unix:/path. Without it budgets are kept in the state folder.',
  'two companions on one store share the limits of a profile',
  { secret: true },
))

export const cluster = z.strictObject({
  replicas: key(wholeNumber(1, MAX_REPLICAS), restart('Companions that share the work. Above 1 they must share state.', 'above 1 without state does not load; local_share divides limits by it', { default: D.cluster.replicas, unit: 'count' })),
})

export const budgetStore = z.strictObject({
  on_unavailable: key(oneOf('fail_closed', 'local_share'), restart(
    'While the shared store does not answer: refuse every exchange of a profile with limits, or spend this replica\'s share of them.',
    'local_share lets pass what the share admits, fail_closed answers 503 (budget_store_unreachable)',
    { default: D.budget_store.on_unavailable },
  )),
  namespace: key(leaf(z.string().regex(/^[a-z0-9-]{1,64}$/), { expected: '1 to 64 lower-case letters, digits and hyphens' }), restart('First part of every key in the shared store.', 'two companions of different namespaces share nothing', { default: D.budget_store.namespace })),
  timeout: key(duration(10), restart('Longest wait for an answer of the shared store.', 'a slower answer is none (budget_store_unreachable)', { default: D.budget_store.timeout, unit: 'ms' })),
  assume_noeviction: key(flag(), restart('The operator vouches that the store never evicts, where it does not let its settings be read.', 'true starts on a store that forbids CONFIG', { default: D.budget_store.assume_noeviction })),
})
