/** The memory of the shared store, as a small file in the state folder. */

import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

import type { StoreIdentity, StoreMemory } from './store-memory.ts'

const FILE_MODE = 0o600
const FOLDER_MODE = 0o700
/** Of a file that is there and cannot be read: no store has this epoch, so it is taken for another one. */
const UNREADABLE: StoreIdentity = { epoch: 'unreadable', runId: 'unreadable' }

export function createStoreMemoryFile(path: string): StoreMemory {
  return {
    read: async () => {
      try {
        const [epoch = '', runId = ''] = (await readFile(path, 'latin1')).trim().split(' ')
        return /^[0-9a-f]{32}$/.test(epoch) && runId !== '' ? { epoch, runId } : UNREADABLE
      } catch (error) {
        return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? undefined : UNREADABLE
      }
    },
    write: async ({ epoch, runId }) => {
      await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE })
      const file = await open(`${path}.tmp`, 'w', FILE_MODE)
      try {
        await file.writeFile(`${epoch} ${runId}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(`${path}.tmp`, path)
    },
  }
}
