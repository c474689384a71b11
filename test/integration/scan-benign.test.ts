/** What must not be refused: thousands of ordinary pieces, as answers, as uploads and as addresses. False alarms are counted and told. */

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import type { Profile } from '../../src/model/policy.ts'
import { generateBenignTexts, generateBenignUrls } from '../support/benign-traffic.ts'
import { readBenignFiles, type BenignPiece } from '../support/benign-files.ts'
import { aProfile, ELSEWHERE, refusedInResponse, rulesIn } from '../support/message-scan.ts'

const MIN_PIECES = 2000
/** Documentation quotes example keys that no scanner can tell from real ones. */
const MAX_UPLOADS_REFUSED = 0.01
/** Where a profile refuses credentials in answers; without that, none may be. */
const MAX_ANSWERS_REFUSED = 0.005
const MAX_ADDRESSES_REFUSED = 0.001

const PIECES: readonly BenignPiece[] = [...readBenignFiles(), ...generateBenignTexts()]

interface Alarm {
  readonly category: string
  readonly what: string
}

function tellAlarms(test: TestContext, of: number, alarms: readonly Alarm[]): void {
  const byCategory = Map.groupBy(alarms, ({ category }) => category)
  test.diagnostic(`${alarms.length} of ${of} refused: ${((100 * alarms.length) / of).toFixed(2)} %`)
  for (const [category, all] of byCategory) test.diagnostic(`  ${category}: ${all.length}, for example ${all.slice(0, 3).map(({ what }) => what).join('; ')}`)
}

function alarmsOnAnswers(profile: Profile): readonly Alarm[] {
  return PIECES.flatMap(({ category, name, type, content }) => {
    const rules = refusedInResponse(content, type, profile)
    return rules.length === 0 ? [] : [{ category, what: `${name} (${rules.join(' ')})` }]
  })
}

test('no ordinary piece is refused as an answer with the defaults', (test) => {
  assert.ok(PIECES.length >= MIN_PIECES, `${PIECES.length} pieces`)
  const alarms = alarmsOnAnswers(aProfile())
  tellAlarms(test, PIECES.length, alarms)
  assert.deepEqual(alarms, [])
})

test('hardly an ordinary piece is refused as an answer where credentials in answers are refused', (test) => {
  const alarms = alarmsOnAnswers(aProfile('dlp: {response_action: block}\n'))
  tellAlarms(test, PIECES.length, alarms)
  assert.ok(alarms.length / PIECES.length <= MAX_ANSWERS_REFUSED)
})

test('ordinary pieces may leave, but for the few that quote a key', (test) => {
  const alarms = PIECES.flatMap(({ category, name, type, content }) => {
    const rules = rulesIn({ headers: ['Content-Type', type], body: content })
    return rules.length === 0 ? [] : [{ category, what: `${name} (${rules.join(' ')})` }]
  })
  tellAlarms(test, PIECES.length, alarms)
  assert.ok(alarms.length / PIECES.length <= MAX_UPLOADS_REFUSED)
})

test('ordinary addresses may be asked for', (test) => {
  const urls = generateBenignUrls()
  const alarms = urls.flatMap(({ category, url }) => {
    const rules = rulesIn({ url, headers: ['Host', ELSEWHERE] }, { host: new URL(url).hostname, scheme: 'https' })
    return rules.length === 0 ? [] : [{ category, what: `${url.slice(0, 90)} (${rules.join(' ')})` }]
  })
  tellAlarms(test, urls.length, alarms)
  assert.ok(alarms.length / urls.length <= MAX_ADDRESSES_REFUSED)
})
