/**
 * The state folder (architecture.md §7): where it is, what lies where in it, its permissions, and the lock that keeps a
 * second process out of it.
 */

import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

import { takeLock, type FolderLock } from './lock-file.ts'
import { StateFolderError } from './state-folder-error.ts'

export { StateFolderError } from './state-folder-error.ts'

const FOLDER_MODE = 0o700
const TOKEN_MODE = 0o600
const TOKEN_BYTES = 32
const NOT_OWNER = 0o077

export interface StateFolder {
  readonly path: string
  readonly receiptsDir: string
  /** Journal of the budgets, and nothing else. */
  readonly budgetDir: string
  readonly signingKeyPath: string
  readonly socketPath: string
  readonly tokenPath: string
  /** Bearer token of the admin listener, made at the first start. */
  readonly adminToken: string
  /** Gives the lock back. */
  release(): Promise<void>
}

/** @param environment of the process; `--state-dir` comes before this default */
export function defaultStateDir(environment: Readonly<Record<string, string | undefined>>, userId: number | undefined): string {
  if (userId === 0) return '/var/lib/chaperone'
  const base = environment['XDG_STATE_HOME']
  return join(base?.startsWith('/') === true ? base : join(homedir(), '.local', 'state'), 'chaperone')
}

/** Paths alone, for commands that only read. */
export function stateFolderPaths(dir: string): Omit<StateFolder, 'adminToken' | 'release'> {
  const path = resolve(dir)
  return {
    path,
    receiptsDir: join(path, 'receipts'),
    budgetDir: join(path, 'budget'),
    signingKeyPath: join(path, 'keys', 'receipt-signing.key'),
    socketPath: join(path, 'companion.sock'),
    tokenPath: join(path, 'admin.token'),
  }
}

/**
 * Makes the folder where it is missing, takes its lock, and reads or makes the admin token.
 *
 * @throws {StateFolderError} where the folder cannot be used; names the process that holds it
 */
export async function openStateFolder(dir: string): Promise<StateFolder> {
  const paths = stateFolderPaths(dir)
  let lock: FolderLock
  try {
    await mkdir(paths.path, { recursive: true, mode: FOLDER_MODE })
    await mkdir(join(paths.path, 'keys'), { recursive: true, mode: FOLDER_MODE })
    lock = await takeLock(join(paths.path, 'lock'))
  } catch (cause) {
    if (cause instanceof StateFolderError) throw cause
    throw new StateFolderError(`${paths.path}: cannot be used as state folder: ${codeOf(cause)}`, { cause })
  }
  try {
    const adminToken = await readOrMakeToken(paths.tokenPath)
    return { ...paths, adminToken, release: () => lock.release() }
  } catch (cause) {
    await lock.release()
    if (cause instanceof StateFolderError) throw cause
    throw new StateFolderError(`${paths.tokenPath}: cannot be read or made: ${codeOf(cause)}`, { cause })
  }
}

async function readOrMakeToken(path: string): Promise<string> {
  try {
    const { mode } = await stat(path)
    if ((mode & NOT_OWNER) !== 0) throw new StateFolderError(`${path}: expected mode 0600, so that only its owner reads the token`)
    const token = (await readFile(path, 'utf8')).trim()
    if (token.length < TOKEN_BYTES) throw new StateFolderError(`${path}: expected a token of at least ${TOKEN_BYTES} characters`)
    return token
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  await writeFile(path, `${token}\n`, { mode: TOKEN_MODE, flag: 'wx' })
  await chmod(path, TOKEN_MODE)
  return token
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
