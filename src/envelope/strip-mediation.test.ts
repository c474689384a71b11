/** What a message must not bring along is gone, what is not ours stays as it stood. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { addSignature, stripMediation } from './strip-mediation.ts'

test('mediation headers go, in any case and however often', () => {
  assert.deepEqual(stripMediation(['A', '1', 'Pipelock-Mediation', 'v=1', 'PIPELOCK-MEDIATION', 'v=1', 'Chaperone-Head', 'x', 'chaperone-stream', '?1']), ['A', '1'])
})

test('members with our labels or tags go from both fields, foreign ones stay byte for byte', () => {
  const headers = [
    'Signature-Input', 'sig1=( "@method"   "a" );created=1,   pipelock1=();tag="pipelock-mediation", chaperone1=()',
    'X', 'y',
    'Signature-Input', 'evil=();tag="pipelock-mediation"',
    'Signature', 'sig1=:AQ==:, pipelock1=:AQ==:, evil=:AQ==:, pipelock-other=:AQ==:',
  ]
  assert.deepEqual(stripMediation(headers), ['X', 'y', 'Signature-Input', 'sig1=( "@method"   "a" );created=1', 'Signature', 'sig1=:AQ==:'])
})

test('headers without a member of ours are left as they stand, on their lines', () => {
  const headers = ['Signature-Input', 'a=()', 'Signature', 'a=:AQ==:', 'Signature-Input', 'b=()', 'Signature', 'b=:AQ==:']
  assert.deepEqual(stripMediation(headers), headers)
})

test('a field that has only members of ours is gone', () => {
  assert.deepEqual(stripMediation(['Signature', 'pipelock1=:AQ==:']), [])
})

test('fields that do not parse are dropped where they speak of us, and else left', () => {
  assert.deepEqual(stripMediation(['Signature', 'PipeLock1=:', 'Signature-Input', 'x=(']), [])
  assert.deepEqual(stripMediation(['Signature', 'x=:', 'Signature-Input', 'x=(']), ['Signature', 'x=:', 'Signature-Input', 'x=('])
})

test('a signature is added behind the foreign ones, and not at all to what cannot be read', () => {
  assert.deepEqual(addSignature(['Signature', 'a=:AQ==:', 'Signature-Input', 'a=()'], 'p=()', 'p=:Ag==:'), ['Signature-Input', 'a=(), p=()', 'Signature', 'a=:AQ==:, p=:Ag==:'])
  assert.throws(() => addSignature(['Signature', 'a=:'], 'p=()', 'p=:Ag==:'), { name: 'MessageSignatureError' })
  assert.throws(() => addSignature(['Signature', 'a=:AQ==:, a=:Ag==:'], 'p=()', 'p=:Ag==:'), { code: 'field_malformed' })
})
