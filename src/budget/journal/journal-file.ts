/** The budget journal's folder on a real disk. */

import { readFileSync } from 'node:fs'
import { chmod, mkdir, open, readdir, readFile, rename, rm, type FileHandle } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'

import type { BootClock, JournalAppender, JournalContent, JournalFiles } from './journal-files.ts'
import { MARK_SLOT_BYTES } from './mark.ts'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const MARK = 'mark'
const MS_PER_SECOND = 1000

export function createJournalFolder(dir: string): JournalFiles {
  const pathOf = (generation: number) => join(dir, `journal-${generation}.log`)
  let mark: FileHandle | undefined
  return {
    read: () => readFolder(dir),
    create: async (generation, bytes) => {
      const draft = join(dir, 'draft.tmp')
      const file = await open(draft, 'w', FILE_MODE)
      await file.writeFile(bytes)
      await file.sync()
      await rename(draft, pathOf(generation))
      await syncFolder(dir)
      return createAppender(file, bytes.length)
    },
    removeBut: async (generation) => {
      for (const name of await readdir(dir)) if (name.startsWith('journal-') && join(dir, name) !== pathOf(generation)) await rm(join(dir, name))
    },
    writeMark: async (slot, bytes) => {
      mark ??= await openMark(dir)
      await mark.write(bytes, 0, bytes.length, slot * MARK_SLOT_BYTES)
      await mark.datasync()
    },
    setAside: async () => {
      await mark?.close()
      mark = undefined
      await setAside(dir)
    },
    close: async () => {
      await mark?.close()
      mark = undefined
    },
  }
}

function createAppender(file: FileHandle, length: number): JournalAppender {
  let at = length
  return {
    append: async (bytes) => {
      for (let written = 0; written < bytes.length;) {
        const { bytesWritten } = await file.write(bytes, written, bytes.length - written, at)
        written += bytesWritten
        at += bytesWritten
      }
      await file.datasync()
    },
    close: () => file.close(),
  }
}

async function readFolder(dir: string): Promise<JournalContent> {
  const made = await mkdir(dir, { recursive: true, mode: FOLDER_MODE })
  if (made !== undefined) await chmod(dir, FOLDER_MODE)
  const journals = new Map<number, Buffer>()
  let mark: Buffer | undefined
  for (const name of await readdir(dir)) {
    const generation = /^journal-(\d{1,15})\.log$/.exec(name)?.[1]
    if (generation !== undefined) journals.set(Number(generation), await readFile(join(dir, name)))
    else if (name === MARK) mark = await readFile(join(dir, name))
  }
  return { mark, journals }
}

async function openMark(dir: string): Promise<FileHandle> {
  try {
    return await open(join(dir, MARK), 'r+')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const file = await open(join(dir, MARK), 'wx+', FILE_MODE)
  await syncFolder(dir)
  return file
}

async function setAside(dir: string): Promise<void> {
  const taken = new Set(await readdir(dir))
  let number = 1
  while (taken.has(`unreadable-${number}`)) number++
  const aside = join(dir, `unreadable-${number}`)
  await mkdir(aside, { mode: FOLDER_MODE })
  for (const name of taken) if (name === MARK || name.startsWith('journal-')) await rename(join(dir, name), join(aside, name))
  await syncFolder(dir)
}

async function syncFolder(dir: string): Promise<void> {
  // Windows cannot open a directory; NTFS journals names by itself.
  if (process.platform === 'win32') return
  const directory = await open(dir, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

export const readBootClock: BootClock = () => {
  try {
    return { id: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(), uptimeMs: uptime() * MS_PER_SECOND }
  } catch {
    return undefined
  }
}
