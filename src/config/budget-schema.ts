/** The `budget` section, which stands at the top level and in every profile. Rows only. */

import * as z from 'zod'
import { DEFAULTS } from './defaults.ts'
import { duration, flag, key, leaf, listOf, oneOf, size, wholeNumber, type KeyFacts } from './leaves.ts'

const D = DEFAULTS.budget
const YEAR_MINUTES = 525_600
const SECOND_MS = 1_000
const YEAR_MS = YEAR_MINUTES * 60 * SECOND_MS
const UNLIMITED = 'unlimited'

const reload = (description: string, effect: string, rest: Partial<KeyFacts> = {}): KeyFacts => ({ description, effect, applies: 'reload', ...rest })

/** Where 0 is a limit like any other, what lifts an inherited one needs a word. */
function orUnlimited<T extends z.ZodType>(limit: T) {
  const expected = `${String(limit.meta()?.['expected'])}, or unlimited`
  return leaf(z.union([z.literal(UNLIMITED), limit]), { expected })
}

function axis<T extends z.ZodRawShape>(shape: T, words: string) {
  return leaf(z.strictObject(shape), { expected: words })
}

const count = orUnlimited(wholeNumber(1))
const window = duration(0, 'units', YEAR_MS).optional()
const timed = { limit: 'count', window: 'ms' } as const

export const budgetSchema = z.strictObject({
  max_requests_per_session: key(wholeNumber(0), reload('Requests of the profile in a window; 0 = unlimited. A tunnel counts as one.', 'the request over the limit gets 429 (budget_requests)', { unit: 'count' })),
  max_bytes_per_session: key(size(0), reload('Response bytes of the profile in a window; 0 = unlimited.', 'a response over the limit gets 429 or is cut (budget_bytes); request bodies are not counted', { unit: 'bytes' })),
  max_unique_domains_per_session: key(wholeNumber(0), reload('Distinct hosts of the profile in a window; 0 = unlimited.', 'one host more gets 429 (budget_destinations), a known one passes', { unit: 'count' })),
  window_minutes: key(wholeNumber(0, YEAR_MINUTES), reload('The window of every limit that has none of its own: it slides. 0 = never resets.', 'what is older than the window no longer counts', { default: D.window_minutes, unit: 'minutes' })),
  dow_action: key(oneOf('block', 'warn'), reload('What a limit does when it is passed, on every axis.', 'warn lets pass, and tells of it (denial_of_wallet)', { default: D.dow_action })),
  requests: key(axis({ limit: count, window }, 'a mapping of limit and window'), reload('Requests, with a window of their own: {limit, window}.', 'the request over the limit gets 429 (budget_requests)', { members: timed })),
  bytes: key(
    axis({ limit: orUnlimited(size(1)), window, count: oneOf('both', 'response').optional() }, 'a mapping of limit, window and count'),
    reload('Bytes of both directions: {limit, window, count: both or response}.', 'a request body, a response or a tunnel over the limit gets 429 or is cut (budget_bytes)', { members: { limit: 'bytes', window: 'ms' } }),
  ),
  destinations: key(
    axis({ limit: count, window, granularity: oneOf('host', 'origin').optional() }, 'a mapping of limit, window and granularity'),
    reload('Distinct destinations: {limit, window, granularity: host or origin}.', 'one destination more gets 429 (budget_destinations), a known one passes', { members: timed }),
  ),
  fan_out: key(
    axis({ limit: count, window: duration(SECOND_MS, 'units', YEAR_MS).optional(), granularity: oneOf('host', 'origin', 'endpoint').optional() }, 'a mapping of limit, window and granularity'),
    reload('Distinct targets in a short window: {limit, window: 1m, granularity: origin}.', 'one target more gets 429 (budget_fan_out) until one of the others is a window old', { members: timed }),
  ),
  retries_per_endpoint: key(
    axis({
      limit: orUnlimited(wholeNumber(0)),
      window: duration(SECOND_MS, 'units', YEAR_MS).optional(),
      path: oneOf('exact', 'ids').optional(),
      statuses: listOf(leaf(z.union([z.int().min(400).max(599), z.enum(['4xx', '5xx'])]), { expected: 'a status from 400 to 599, 4xx or 5xx' })).optional(),
      count_auth_failures: flag().optional(),
    }, 'a mapping of limit, window, path, statuses and count_auth_failures'),
    reload('Attempts on one endpoint after it failed, with no success since: {limit, window: 10m, path: exact or ids, statuses: [408, 425, 429, 5xx], count_auth_failures: true}. 0 = no retry.', 'the retry over the limit gets 429 (budget_retries_endpoint); a success clears the count', { members: timed }),
  ),
  concurrent_requests: key(wholeNumber(0), reload('Exchanges and tunnels open at once; 0 = unlimited.', 'one more gets 429 (budget_concurrency) until one has ended', { unit: 'count' })),
  parallel_targets: key(wholeNumber(0), reload('Distinct origins of the exchanges open at once; 0 = unlimited.', 'one origin more gets 429 (budget_fan_out) until one is done with', { unit: 'count' })),
  wall_clock: key(
    axis({ limit: orUnlimited(duration(SECOND_MS, 'units', YEAR_MS)), idle: duration(0, 'units', YEAR_MS).optional() }, 'a mapping of limit and idle'),
    reload('Time since the first request of a session, which ends with a rest: {limit, idle: 30m}; idle 0 = never.', 'a request after the time gets 429 (budget_wall_clock)', { members: { limit: 'ms', idle: 'ms' } }),
  ),
  warn_at: key(listOf(wholeNumber(1, 100)), reload('Shares of a limit, in percent, whose reaching is told.', 'an event budget_threshold when the share is reached', { default: D.warn_at })),
  detail_level: key(oneOf('none', 'axis', 'full'), reload('How much of its own numbers a refused caller is told.', 'axis leaves out the numbers, none also the axis', { default: D.detail_level })),
  failed_dials: key(oneOf('refund', 'count'), reload('What an attempt costs whose connection could not be opened.', 'count spends it like any other', { default: D.failed_dials })),
  require_exact: key(flag(), reload('Whether a limit that some surface can only observe in part is an error.', 'true refuses such a configuration', { default: D.require_exact })),
})

export type FileBudget = z.output<typeof budgetSchema>
