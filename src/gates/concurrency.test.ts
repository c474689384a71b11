/** Places of a profile: as many as the limit, each given back once. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createConcurrencyLimiter, type Place } from './concurrency.ts'

function place(result: ReturnType<ReturnType<typeof createConcurrencyLimiter>['acquire']>): Place {
  assert.ok(!('reason' in result))
  return result
}

test('the limit admits exactly as many as it says, and one more for each that ends', () => {
  const limiter = createConcurrencyLimiter()
  const two = { name: 'agent-a', maxConnections: 2 }
  const first = place(limiter.acquire(two))
  place(limiter.acquire(two))
  assert.ok('reason' in limiter.acquire(two))

  first.release()
  first.release()
  place(limiter.acquire(two))
  const refused = limiter.acquire(two)
  assert.ok('reason' in refused && refused.reason === 'connection_limit')
})

test('profiles do not share places, and zero is no limit', () => {
  const limiter = createConcurrencyLimiter()
  place(limiter.acquire({ name: 'agent-a', maxConnections: 1 }))
  place(limiter.acquire({ name: 'agent-b', maxConnections: 1 }))
  for (let i = 0; i < 100; i++) place(limiter.acquire({ name: 'agent-c', maxConnections: 0 }))
  assert.equal(limiter.open().get('agent-c'), 100)
})

test('a profile with nothing open leaves no trace', () => {
  const limiter = createConcurrencyLimiter()
  const held = place(limiter.acquire({ name: 'agent-a', maxConnections: 1 }))
  assert.deepEqual([...limiter.open()], [['agent-a', 1]])
  held.release()
  assert.deepEqual([...limiter.open()], [])
})
