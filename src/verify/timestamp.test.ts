/** Timestamps: only those that Go would write again letter for letter. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isGoTimestamp } from './timestamp.ts'

test('times that Go would write again letter for letter are taken', () => {
  for (const text of [
    '2026-05-01T10:00:00Z', '2026-05-01T10:00:00.123456789Z', '2026-05-01T10:00:00.000000001Z', '2024-02-29T23:59:59Z', '2000-02-29T00:00:00Z',
    '2026-05-01T10:00:00+05:30', '2026-05-01T10:00:00-00:30', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z',
  ]) assert.ok(isGoTimestamp(text), text)
})

test('times that Go refuses or spells otherwise are refused', () => {
  for (const text of [
    '', '2026-05-01', '2026-05-01T10:00:00', '2026-05-01 10:00:00Z', '2026-05-01t10:00:00Z', '2026-05-01T10:00:00z', '2026-5-01T10:00:00Z',
    '2026-05-01T10:00:00.Z', '2026-05-01T10:00:00.10Z', '2026-05-01T10:00:00.0Z', '2026-05-01T10:00:00.1234567891Z', '2026-05-01T10:00:00,1Z',
    '2026-05-01T10:00:00+00:00', '2026-05-01T10:00:00-00:00', '2026-05-01T10:00:00+24:00', '2026-05-01T10:00:00+01:60', '2026-05-01T10:00:00+0100',
    '2026-00-01T10:00:00Z', '2026-13-01T10:00:00Z', '2026-04-31T10:00:00Z', '2026-05-00T10:00:00Z', '2023-02-29T10:00:00Z', '1900-02-29T10:00:00Z',
    '2026-05-01T24:00:00Z', '2026-05-01T10:60:00Z', '2026-05-01T10:00:60Z', '0001-01-01T00:00:00Z', '2026-05-01T10:00:00Z\n',
  ]) assert.ok(!isGoTimestamp(text), text)
})
