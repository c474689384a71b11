/**
 * A lock file that says who holds it. Node has no flock: the file is made exclusively, and one whose process is gone (or
 * whose pid now belongs to another process) is taken over.
 */

import { randomBytes } from 'node:crypto'
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises'

import { StateFolderError } from './state-folder-error.ts'

export interface FolderLock {
  release(): Promise<void>
}

const ATTEMPTS = 5
/** Field 22 of /proc/PID/stat, counted behind the command name: the start time, which tells a reused pid apart. */
const START_TIME_FIELD = 19

/** @throws {StateFolderError} that names the pid where another live process holds the lock */
export async function takeLock(path: string): Promise<FolderLock> {
  const own = `${process.pid} ${await startTimeOf(process.pid)} ${randomBytes(8).toString('hex')}\n`
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await makeWhole(path, own)) return { release: () => releaseOwn(path, own) }
    const holder = await readOrNothing(path)
    if (holder === undefined) continue
    const [pid = '', startTime = ''] = holder.trim().split(' ')
    if (await isAlive(Number(pid), startTime)) {
      throw new StateFolderError(`${path}: in use by the companion with pid ${pid}: stop it, or give another --state-dir`)
    }
    await removeStale(path, holder)
  }
  throw new StateFolderError(`${path}: cannot be taken: another process takes it at the same time`)
}

/** Written aside and linked into place: nobody ever reads a half-written lock. */
async function makeWhole(path: string, text: string): Promise<boolean> {
  const aside = `${path}.${randomBytes(8).toString('hex')}`
  await writeFile(aside, text, { mode: 0o600, flag: 'wx' })
  try {
    await link(aside, path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    await unlink(aside)
  }
}

/** Moves the stale lock away. What was moved may be another one, made meanwhile: that one is put back. */
async function removeStale(path: string, seen: string): Promise<void> {
  const aside = `${path}.${randomBytes(8).toString('hex')}`
  try {
    await rename(path, aside)
    if ((await readOrNothing(aside)) !== seen) await link(aside, path).catch(() => undefined)
    await unlink(aside)
  } catch {
    // Somebody else removed it first: the next attempt finds out.
  }
}

async function releaseOwn(path: string, own: string): Promise<void> {
  if ((await readOrNothing(path)) === own) await unlink(path).catch(() => undefined)
}

async function readOrNothing(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}

async function isAlive(pid: number, startTime: string): Promise<boolean> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  return (await startTimeOf(pid)) === startTime
}

/** @returns the kernel's start time of the process, or `-` where there is no /proc */
async function startTimeOf(pid: number): Promise<string> {
  const text = await readOrNothing(`/proc/${pid}/stat`)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[START_TIME_FIELD] ?? '-'
}
