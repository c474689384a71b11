/** The replay window of one process: once per key, bounded, never forgetting early, and honest after a restart. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createManualClock } from '../base/clock.ts'
import { createMemoryReplayWindow, type MemoryReplayOptions } from './memory-replay-window.ts'
import { replayFloorMs } from './replay-window.ts'

const START_MS = 1_800_000_000_000

function setup(options: Partial<MemoryReplayOptions> = {}) {
  const clock = createManualClock(START_MS)
  const window = createMemoryReplayWindow({ clock, capacityPerKey: 3, futureSkewMs: 5000, ...options })
  const burn = (nonce: string, keyId = 'k', lifetimeMs = 90_000) => window.burn({ keyId, nonce, createdMs: clock.nowMs(), keepUntilMs: clock.nowMs() + lifetimeMs })
  return { clock, window, burn }
}

test('a nonce passes once for a key, and once for another', () => {
  const { burn } = setup()
  assert.deepEqual([burn('a'), burn('a'), burn('a', 'other'), burn('b')], ['fresh', 'replay', 'fresh', 'fresh'])
})

test('a nonce stays burned until its last moment and is then forgotten', () => {
  const { clock, window, burn } = setup()
  burn('a')
  clock.advance(89_999)
  assert.deepEqual([burn('a'), window.size], ['replay', 1])
  clock.advance(1)
  assert.equal(burn('a'), 'replay')
  clock.advance(2000)
  assert.equal(window.size, 0)
})

test('a full key refuses new nonces, drops none of its live ones, and leaves other keys alone', () => {
  const { clock, burn } = setup()
  assert.deepEqual(['a', 'b', 'c', 'd', 'a', 'b', 'c'].map((nonce) => burn(nonce)), ['fresh', 'fresh', 'fresh', 'replay_capacity', 'replay', 'replay', 'replay'])
  assert.equal(burn('d', 'other'), 'fresh')
  clock.advance(92_000)
  assert.equal(burn('d'), 'fresh')
})

test('a nonce that was burned with another expiry is burned all the same', () => {
  const { burn } = setup()
  assert.deepEqual([burn('a', 'k', 10_000), burn('a', 'k', 90_000)], ['fresh', 'replay'])
})

test('what ran out is not burned', () => {
  const { burn } = setup()
  assert.equal(burn('a', 'k', -5000), 'expired')
})

test('a restart burns again what was accepted before it, and skips what has run out', () => {
  const { window, burn } = setup()
  window.restore([
    { keyId: 'k', nonce: 'a', keepUntilMs: START_MS + 10_000 },
    { keyId: 'k', nonce: 'old', keepUntilMs: START_MS - 10_000 },
    { keyId: 'k', nonce: 'a', keepUntilMs: START_MS + 20_000 },
  ])
  assert.deepEqual([window.size, burn('a'), burn('old')], [1, 'replay', 'fresh'])
})

test('a nonce that was restored twice is kept for the longer time', () => {
  const { clock, window, burn } = setup()
  window.restore([{ keyId: 'k', nonce: 'a', keepUntilMs: START_MS + 10_000 }, { keyId: 'k', nonce: 'a', keepUntilMs: START_MS + 40_000 }])
  clock.advance(20_000)
  assert.equal(burn('a'), 'replay')
})

test('a restore over the capacity keeps all, and the key is full until enough have run out', () => {
  const { clock, window, burn } = setup()
  window.restore(Array.from({ length: 5 }, (_, n) => ({ keyId: 'k', nonce: `r${n}`, keepUntilMs: START_MS + 10_000 })))
  assert.deepEqual([window.size, burn('new'), burn('r4')], [5, 'replay_capacity', 'replay'])
  clock.advance(12_000)
  assert.equal(burn('new'), 'fresh')
})

test('under a floor nothing passes that may have been accepted before it; above it all does', () => {
  const gap = { startMs: START_MS, lastReceiptMs: START_MS - 60_000 }
  const floorMs = replayFloorMs(gap, 5000)
  assert.equal(floorMs, START_MS + 5000)
  const { clock, window, burn } = setup({ gap })
  assert.deepEqual([burn('a'), window.size, window.floorMs()], ['replay_floor', 0, floorMs])
  clock.advance(5000)
  assert.equal(burn('a'), 'replay_floor')
  clock.advance(1000)
  assert.equal(burn('a'), 'fresh')
  assert.equal(replayFloorMs({ startMs: START_MS, lastReceiptMs: START_MS + 1 }, 0), START_MS + 1)
})

test('a clock that jumped ahead and came back raises a floor: what was forgotten too early cannot pass again', () => {
  const { clock, window, burn } = setup()
  const ticket = { keyId: 'k', nonce: 'a', createdMs: START_MS, keepUntilMs: START_MS + 90_000 }
  assert.equal(window.burn(ticket), 'fresh')
  clock.advance(3_600_000)
  assert.equal(burn('b'), 'fresh')
  clock.advance(-3_590_000)
  assert.equal(window.burn(ticket), 'replay_floor')
  clock.advance(6000)
  assert.deepEqual([burn('c'), window.burn(ticket)], ['fresh', 'replay_floor'])
})

test('memory is bounded by what is live: keys that are silent leave nothing', () => {
  const { clock, window, burn } = setup({ capacityPerKey: 10 })
  for (let n = 0; n < 500; n++) burn('x', `key-${n}`)
  assert.equal(window.size, 500)
  clock.advance(95_000)
  assert.equal(window.size, 0)
})
