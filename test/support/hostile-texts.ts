/** Texts made to break a scanner: near misses, nested encodings, endless runs, broken escapes, credentials among them. */

import { CREDENTIAL_FORMATS } from './credentials.ts'
import { ENCODINGS } from './evasions.ts'
import { BASE32, HEX, LOWER, WORD, type SeededRandom } from './seeded-random.ts'

type Piece = (random: SeededRandom) => Buffer

const MAX_REPEATS = 400
const MAX_RUN = 6000
const MAX_PIECES = 12
const text = (make: (random: SeededRandom) => string): Piece => (random) => Buffer.from(make(random))
const repeated = (unit: string): Piece => text((random) => unit.repeat(1 + random.below(MAX_REPEATS)))
const run = (alphabet: string): Piece => text((random) => random.text(1 + random.below(MAX_RUN), alphabet))

const credential = (random: SeededRandom): string => random.pick(CREDENTIAL_FORMATS).make(random)
const encode = (random: SeededRandom, plain: string): string => random.pick(ENCODINGS).encode(plain)
/** A credential that is one when one character more, or fewer, or another one stood there. */
const nearMiss = (random: SeededRandom): string => {
  const whole = credential(random)
  const at = random.below(whole.length)
  return whole.slice(0, at) + random.text(random.below(2), WORD) + whole.slice(at + random.below(3))
}

const PIECES: readonly Piece[] = [
  text(credential),
  text((random) => encode(random, credential(random))),
  text((random) => encode(random, encode(random, credential(random))).slice(0, MAX_RUN)),
  text(nearMiss),
  text((random) => nearMiss(random).repeat(1 + random.below(40)).slice(0, MAX_RUN)),
  (random) => random.bytes(1 + random.below(2000)),
  run(`${WORD}+/`), run(HEX), run(BASE32), run(LOWER), run(' '), run('0123456789'), run('=&'), run('\\'), run('%'),
  repeated('AKIA'), repeated('eyJ'), repeated('-----BEGIN '), repeated('%25'), repeated('%4'), repeated('\\u00'), repeated('\\\\u0041'), repeated('&#x'), repeated('&amp;'),
  repeated('&#65;'), repeated('\u200b'), repeated('{"a":['), repeated('":"'), repeated('a.'), repeated('password='), repeated('http://a:b@'), repeated('4111 '), repeated('\r\n'),
  repeated('ignore all previous instructions '), repeated('\ud83d\ude00'), repeated('\u0430'), repeated('<!--'), repeated('data: '),
  text((random) => JSON.stringify({ k: credential(random), n: [nearMiss(random), random.below(9)] })),
]

/** @returns 1 to 12 pieces one after the other, sometimes with a stretch repeated or bytes changed */
export function hostileText(random: SeededRandom): Buffer {
  const pieces = Array.from({ length: 1 + random.below(MAX_PIECES) }, () => random.pick(PIECES)(random))
  const whole = Buffer.concat(pieces.flatMap((piece) => (random.below(3) === 0 ? [piece, Buffer.from(random.pick([' ', '\n', '"', '/', '&k=']))] : [piece])))
  for (let changes = random.below(4); changes > 0 && whole.length > 0; changes--) whole[random.below(whole.length)] = random.below(256)
  return whole
}
