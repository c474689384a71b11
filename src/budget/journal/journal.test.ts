/** The journal's own promises: order, groups, and that a new generation leaves nothing out. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Row } from '../row.ts'
import type { JournalFiles } from './journal-files.ts'
import { Journal } from './journal.ts'

const MIB = 1_048_576

function aJournal(snapshot: () => readonly Row[]) {
  const created: string[] = []
  const writes: number[] = []
  const files: JournalFiles = {
    read: () => Promise.resolve({ mark: undefined, journals: new Map<number, Buffer>() }),
    create: (_generation, bytes) => {
      created.push(bytes.toString())
      return Promise.resolve({
        append: async (more) => {
          writes.push(more.length)
          await new Promise((resolve) => setTimeout(resolve, 5))
        },
        close: () => Promise.resolve(),
      })
    },
    removeBut: () => Promise.resolve(),
    writeMark: () => Promise.resolve(),
    setAside: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const journal = new Journal({ files, nowMs: () => 0, bootClock: () => undefined, snapshot, after: { generation: 0, serial: 0 } })
  return { journal, created, writes }
}

function aRow(subject: string): Row {
  return { subject, kind: 'frozen', frozen: true }
}

test('what was durable a moment ago is known to its owner before a new generation replaces the file', async () => {
  let known: Row[] = []
  const { journal, created } = aJournal(() => known)
  await journal.start()
  const large = 'x'.repeat(MIB + 1)
  const first = journal.append([aRow(large)]).then(() => {
    known = [aRow('known')]
  })
  await new Promise((resolve) => setImmediate(resolve))
  const second = journal.append([aRow('next')])
  await Promise.all([first, second])
  assert.equal(created.length, 2)
  assert.ok(created[1]?.includes('"known"'))
  await journal.close()
})

test('rows that wait together are written together, and none is taken once it is closed', async () => {
  const { journal, writes } = aJournal(() => [])
  await journal.start()
  assert.deepEqual(await Promise.all(Array.from({ length: 100 }, (_, at) => journal.append([aRow(String(at))]))), Array(100).fill(true))
  assert.equal(writes.length, 1)
  await journal.close()
  assert.equal(await journal.append([aRow('late')]), false)
})
