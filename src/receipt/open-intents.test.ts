/** Open intents: what counts as settled, what a new session takes over, what a heartbeat says. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createManualClock } from '../base/clock.ts'
import { OpenIntents } from './open-intents.ts'

test('an outcome settles the intent of its session once', () => {
  const intents = new OpenIntents(createManualClock())
  intents.open('a', 1)
  assert.ok(intents.settle('a'))
  assert.ok(!intents.settle('a'))
  assert.ok(!intents.settle('never opened'))
})

test('a new session takes over what was acknowledged, and pairs none of it', () => {
  const clock = createManualClock()
  const before = new OpenIntents(clock)
  before.open('kept', 1)
  before.open('refused', 2)
  clock.advance(60_000)
  const after = new OpenIntents(clock)
  after.inherit(before, 1)
  after.open('new', 1)
  assert.equal(after.summary(), 'open=2 over_60s=1 ids=kept')

  const third = new OpenIntents(clock)
  third.inherit(after, 0)
  assert.equal(third.summary(), 'open=1 over_60s=1 ids=kept')
  assert.ok(!third.settle('kept'))
  assert.equal(third.size, 0)
})

test('a heartbeat names forty and counts the rest', () => {
  const clock = createManualClock()
  const intents = new OpenIntents(clock)
  for (let i = 0; i < 45; i++) intents.open(`0199a3c4-0000-7000-8000-0000000000${10 + i}`, i)
  assert.equal(intents.summary(), 'open=45 over_60s=0')
  clock.advance(60_001)
  const summary = intents.summary()
  assert.match(summary, /^open=45 over_60s=45 ids=.* more=5$/)
  assert.equal(summary.split(',').length, 40)
  assert.ok(summary.length <= 2048)
})
