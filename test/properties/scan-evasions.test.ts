/**
 * Every credential format, in every encoding and division of the catalogue, in every place of a request: generated, and
 * counted by encoding. Against it stands ordinary text in the same clothes, which must pass. The goal is 99 % of all;
 * `MIN_CAUGHT` is what is caught today, and the shares that keep it lower are printed: it never goes down.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { CREDENTIAL_FORMATS, type CredentialFormat } from '../support/credentials.ts'
import { ENCODINGS, HOST_ENCODINGS } from '../support/evasions.ts'
import { inHost, PLACES, SPLITS, USERINFO, WRAPPINGS, type Parts } from '../support/message-places.ts'
import { rulesIn } from '../support/message-scan.ts'
import { seededRandom } from '../support/seeded-random.ts'

const MIN_CAUGHT = 0.961
const MIN_ATTEMPTS = 20_000
/** A bearer token in a header is how one logs in. */
const LOGIN_PLACES = new Set(['header', 'cookie'])

interface Attempt {
  readonly group: string
  readonly format: string
  readonly place: string
  readonly parts: Parts
  readonly host?: string
}

class Tally {
  readonly #groups = new Map<string, { tried: number; caught: number; missed: Map<string, number> }>()

  add({ group, format, place }: Attempt, isCaught: boolean): void {
    const row = this.#groups.get(group) ?? { tried: 0, caught: 0, missed: new Map<string, number>() }
    this.#groups.set(group, row)
    row.tried++
    if (isCaught) row.caught++
    else for (const key of [format, `in ${place}`]) row.missed.set(key, (row.missed.get(key) ?? 0) + 1)
  }

  get tried(): number {
    return [...this.#groups.values()].reduce((sum, { tried }) => sum + tried, 0)
  }

  get share(): number {
    return [...this.#groups.values()].reduce((sum, { caught }) => sum + caught, 0) / this.tried
  }

  lines(): string[] {
    return [...this.#groups].map(([group, { tried, caught, missed }]) => {
      const worst = [...missed].sort((a, b) => b[1] - a[1]).slice(0, 4).map(([name, count]) => `${name} ${count}`)
      return `${group.padEnd(40)} ${((100 * caught) / tried).toFixed(1).padStart(6)} % of ${tried}${worst.length === 0 ? '' : `, missed: ${worst.join(', ')}`}`
    })
  }
}

function attemptsWith(format: CredentialFormat, secret: string): Attempt[] {
  const attempt = (group: string, place: string, parts: Parts | undefined, host?: string): Attempt[] =>
    parts === undefined || isLogin(format, place) ? [] : [{ group, format: format.name, place, parts, ...(host !== undefined && { host }) }]
  const encoded = ENCODINGS.flatMap(({ name, encode }) => PLACES.flatMap((place) => attempt(name, place.name, place.put(encode(secret)))))
  const wrapped = WRAPPINGS.filter(({ name }) => fits(format, name)).flatMap((place) => attempt(place.name, place.name, place.put(secret)))
  const split = format.isToken ? SPLITS.flatMap((place) => attempt(`split: ${place.name}`, place.name, place.put(secret))) : []
  const named = HOST_ENCODINGS.flatMap(({ name, encode }) => {
    const placed = inHost(encode(secret))
    return placed === undefined ? [] : attempt(name, 'host', placed.parts, placed.host)
  })
  return [...encoded, ...wrapped, ...split, ...named]
}

/** A connection string is no password of another one. */
function fits({ isToken }: CredentialFormat, place: string): boolean {
  return isToken || place !== USERINFO
}

function isLogin({ name }: CredentialFormat, place: string): boolean {
  return name === 'json web token' && LOGIN_PLACES.has(place)
}

test('a credential is found however it is encoded, divided and placed', (test) => {
  const random = seededRandom('evasions')
  const tally = new Tally()
  for (const format of CREDENTIAL_FORMATS) {
    for (const attempt of attemptsWith(format, format.make(random))) {
      const { parts, host } = attempt
      tally.add(attempt, rulesIn(parts, host === undefined ? {} : { host }).length > 0)
    }
  }
  for (const line of tally.lines()) test.diagnostic(line)
  test.diagnostic(`all: ${(100 * tally.share).toFixed(2)} % of ${tally.tried}`)
  assert.ok(tally.tried >= MIN_ATTEMPTS, `${tally.tried} attempts`)
  assert.ok(tally.share >= MIN_CAUGHT, `caught ${(100 * tally.share).toFixed(2)} % of ${tally.tried}`)
})

const ORDINARY = [
  'The quarterly report shows a rise of 15 % in revenue',
  'Please translate the following to French: see you on 2026-03-10',
  'order 3f2504e0-4f89-41d3-9a0c-0305e82c3301 was shipped to Springfield',
  'git checkout -b fix/query-cache && npm test',
]

test('ordinary text in the same encodings and divisions holds no credential', () => {
  const named: string[] = []
  const look = (what: string, parts: Parts | undefined): void => {
    if (parts === undefined) return
    named.push(...rulesIn(parts).filter((rule) => rule.startsWith('dlp.')).map((rule) => `${rule}: ${what}`))
  }
  for (const text of ORDINARY) {
    for (const { name, encode } of ENCODINGS) for (const place of PLACES) look(`${name} in ${place.name}: ${text}`, place.put(encode(text)))
    for (const place of [...WRAPPINGS, ...SPLITS].filter(({ name }) => name !== USERINFO)) look(`${place.name}: ${text}`, place.put(text))
  }
  assert.deepEqual(named, [])
})
