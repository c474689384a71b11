/**
 * The recorder's folder on a real disk. The shard that is being written blocks the thread that writes it: the recorder has a
 * thread of its own, with nothing better to do, and a trip through the thread pool costs more than the calls themselves.
 */

import { close, fdatasyncSync, open as openFd, writeSync } from 'node:fs'
import { chmod, mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { RecorderFiles, ShardWriter } from './recorder-files.ts'

const FOLDER_MODE = 0o750
const FILE_MODE = 0o600
const openNumber = promisify(openFd)
const closeNumber = promisify(close)

export function createRecorderFolder(dir: string): RecorderFiles {
  const pathOf = (name: string) => join(dir, name)
  const syncFolder = () => syncDirectory(dir)
  return {
    prepare: () => prepareFolder(dir),
    list: () => readdir(dir),
    read: (name, maxBytes) => readStart(pathOf(name), maxBytes),
    create: async (name) => {
      const fd = await openNumber(pathOf(name), 'ax', FILE_MODE)
      await syncFolder()
      return createShardWriter(fd)
    },
    place: async (name, bytes) => {
      await placeFile(pathOf(name), bytes)
      await syncFolder()
    },
    truncate: (name, length) => truncateFile(pathOf(name), length),
    remove: (name) => rm(pathOf(name), { force: true }),
    syncFolder,
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(dir)
      return bavail * bsize
    },
  }
}

function createShardWriter(fd: number): ShardWriter {
  return {
    write: (bytes, done) => {
      done(faultIn(() => { writeAll(fd, bytes) }))
    },
    sync: (done) => {
      done(faultIn(() => { fdatasyncSync(fd) }))
    },
    close: () => closeNumber(fd),
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let offset = 0; offset < bytes.length;) offset += writeSync(fd, bytes, offset, bytes.length - offset)
}

/** @returns what the call threw; `done` is never called inside it, so that its own errors are not taken for the disk's */
function faultIn(call: () => void): Error | null {
  try {
    call()
    return null
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(typeof thrown)
  }
}

/** A new folder gets its mode whatever the umask; one that was there keeps the operator's. */
async function prepareFolder(dir: string): Promise<void> {
  const made = await mkdir(dir, { recursive: true, mode: FOLDER_MODE })
  if (made !== undefined) await chmod(dir, FOLDER_MODE)
}

async function readStart(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const size = Math.min(maxBytes, (await file.stat()).size)
    const bytes = Buffer.allocUnsafe(size)
    let filled = 0
    while (filled < size) {
      const { bytesRead } = await file.read(bytes, filled, size - filled, filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return bytes.subarray(0, filled)
  } finally {
    await file.close()
  }
}

async function placeFile(path: string, bytes: Buffer): Promise<void> {
  const draft = `${path}.tmp`
  const file = await open(draft, 'w', FILE_MODE)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
}

async function truncateFile(path: string, length: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    if ((await file.stat()).size !== length) await file.truncate(length)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncDirectory(dir: string): Promise<void> {
  // Windows cannot open a directory; NTFS journals names by itself.
  if (process.platform === 'win32') return
  const directory = await open(dir, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
