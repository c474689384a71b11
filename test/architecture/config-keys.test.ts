/** Every configuration key has a test that shows its effect, and no such test names a key that does not exist. */

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { listKeys } from '../../src/config/index.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** The name of a test, up to the colon behind the key. A test that is skipped or left for later shows nothing. */
const EFFECT_TEST = /^[ \t]*test\((['"`])config ([^\s:]+): /gm

function effectTests(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const file of globSync('test/integration/config-effect-*.test.ts', { cwd: ROOT }).sort()) {
    for (const [, , key = ''] of readFileSync(`${ROOT}/${file}`, 'utf8').matchAll(EFFECT_TEST)) found.set(key, [...(found.get(key) ?? []), file])
  }
  return found
}

test('every configuration key has an effect test', () => {
  const tested = effectTests()
  const untested = listKeys().map(({ key }) => key).filter((key) => !tested.has(key))
  assert.deepEqual(untested, [], 'add a test named `config KEY: ...` in test/integration/config-effect-*.test.ts, or remove the key')
})

test('every effect test names a key that exists, and no key has two', () => {
  const keys = new Set(listKeys().map(({ key }) => key))
  const tested = [...effectTests()]
  assert.ok(tested.length > 0)
  assert.deepEqual(tested.filter(([key]) => !keys.has(key)), [], 'the key is gone: remove its test')
  assert.deepEqual(tested.filter(([, files]) => files.length > 1), [], 'one test per key')
})

test('every key says what can be observed to change', () => {
  for (const { key, effect, description } of listKeys()) {
    assert.ok(effect.length > 0, key)
    assert.ok(description.length > 0, key)
  }
})
