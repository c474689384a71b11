/**
 * A lock file that says who holds it. Node has no flock: the file is made exclusively, and one whose process is gone (or
 * whose pid now belongs to another process) is taken over.
 */

import { randomBytes } from 'node:crypto'
import { link, readFile, unlink, writeFile } from 'node:fs/promises'

import { StateFolderError } from './state-folder-error.ts'

export interface FolderLock {
  release(): Promise<void>
}

const ATTEMPTS = 25
const RETRY_MS = 20
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
    await removeStale(path, holder, own)
  }
  throw new StateFolderError(`${path}: cannot be taken: another process is taking it over, or died while it did: then remove ${guardOf(path)}`)
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

/**
 * Removes the lock of a dead process. Only the holder of the guard removes anything, and only what is still the lock that
 * was found dead: a lock that another starter has made meanwhile is never touched.
 */
async function removeStale(path: string, seen: string, own: string): Promise<void> {
  const guard = guardOf(path)
  if (!(await makeWhole(guard, own))) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    return
  }
  try {
    if ((await readOrNothing(path)) === seen) await unlink(path)
  } finally {
    await unlink(guard)
  }
}

function guardOf(path: string): string {
  return `${path}.takeover`
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
