/** Data in host names and random tokens: what is told from names, identifiers and hashes. */

import assert from 'node:assert/strict'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { test } from 'node:test'

import { judgeHostLabels } from './host-labels.ts'
import { judgeToken } from './random-token.ts'

const base62 = (length: number): string => [...randomBytes(length)].map((byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'[byte % 62]).join('')
const hex = (text: string): string => Buffer.from(text).toString('hex')

test('tokens made of chance or of encoded text are told', () => {
  const told = Array.from({ length: 2000 }, () => judgeToken(base62(32))).filter((found) => found === 'random').length
  assert.ok(told >= 1980, `${told} of 2000`)
  for (const token of [hex('the quick brown fox'), Buffer.from('password of the database').toString('base64url'), `id_${hex('another secret text')}`]) assert.equal(judgeToken(token), 'encoded', token)
})

test('names, identifiers and hashes are not', () => {
  const names = [
    randomUUID(), randomUUID().replaceAll('-', ''), '01ARZ3NDEKTSV4RRFFQ69G5FAV', createHash('sha1').update('x').digest('hex'), createHash('sha256').update('x').digest('hex'),
    'how-to-fix-the-permission-denied-error', 'getElementsByTagNameAndClassName', 'internationalisierungskomponente', '123456789012345678901234567890', 'node_modules_and_other_folders',
    'lodash.debounce.throttle.min.js', 'ServiceAccountTokenVolumeProjection', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  ]
  for (const name of names) assert.equal(judgeToken(name), undefined, name)
})

test('data in labels is told: hexadecimal, base32, base64, chance, pieces of one size, long punycode', () => {
  const hosts = [
    `${hex('JohnDoe')}.${hex('Secret1')}.x.example`, `${hex('a first name')}.example.org`, `${Buffer.from('a token of some length').toString('base64url')}.x.example`,
    `${base62(30)}.x.example`, 'abcd-efg.hijklmno.pqrstuvw.x.example', `xn--${'a'.repeat(45)}.example`, 'ONSWG4TFOQQGIYLUME.x.example',
  ]
  for (const host of hosts) assert.notEqual(judgeHostLabels(host), undefined, host)
})

test('ordinary host names are not', () => {
  const hosts = ['www.example.com', 'registry.npmjs.org', 'api.eu-west-1.example.com', 'my-service.internal.platform.example', 'xn--mnchen-3ya.example', `${randomUUID()}.example.com`, 'a.b.c.d.e.example', 'static-assets-production.example.co.uk', '192.168.1.10', '2001:db8::1', 'localhost']
  for (const host of hosts) assert.equal(judgeHostLabels(host), undefined, host)
})
