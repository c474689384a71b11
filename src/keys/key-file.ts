/**
 * Key files on disk: created whole or not at all, read only where nobody else can read or change them. The private key is
 * `PATH`, the public one `PATH.pub`.
 */

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { type FileHandle, link, mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import { KeyError } from './key-error.ts'
import { encodePrivateKey, encodePublicKey, type KeyPair, keyPairFromSeed, parsePrivateKey, parsePublicKey, SEED_BYTES } from './key-text.ts'

export const PRIVATE_KEY_MODE = 0o600
export const PUBLIC_KEY_MODE = 0o644
const KEY_DIRECTORY_MODE = 0o750
/** Group may read (a mounted secret is 0440), nothing more; others have no access at all. */
const FORBIDDEN_MODE_BITS = 0o037
const MODE_BITS = 0o777
const MAX_KEY_FILE_BYTES = 4096
const SUFFIX_BYTES = 6

/**
 * Makes a new key and writes both files; what it returns is on disk already.
 *
 * @throws {KeyError} when one of the two files exists, or cannot be written
 */
export async function createKeyFiles(path: string): Promise<KeyPair> {
  const pkcs8 = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
  const pair = keyPairFromSeed(pkcs8.subarray(pkcs8.length - SEED_BYTES))
  await mkdir(dirname(path), { recursive: true, mode: KEY_DIRECTORY_MODE }).catch((cause: unknown) => {
    throw new KeyError(dirname(path), `expected a folder, or one that can be made (${codeOf(cause)})`, { cause })
  })
  await placeFile(path, encodePrivateKey(pair), PRIVATE_KEY_MODE)
  try {
    await placeFile(publicPath(path), encodePublicKey(pair.publicKey), PUBLIC_KEY_MODE)
  } catch (cause) {
    await rm(path, { force: true })
    throw cause
  }
  return pair
}

/**
 * Follows symbolic links, as mounted secrets are.
 *
 * @throws {KeyError} when the file is missing, open to others, or not a private key
 */
export async function loadPrivateKey(path: string): Promise<KeyPair> {
  const text = await readKeyFile(path, async (file) => {
    const { mode } = await file.stat()
    // Windows has no such bits; Node then reports every file as 0666.
    if (process.platform === 'win32' || (mode & FORBIDDEN_MODE_BITS) === 0) return
    throw new KeyError(path, `expected mode 0600, or 0640 at most, got 0${(mode & MODE_BITS).toString(8)}`)
  })
  return parsePrivateKey(text, path)
}

/**
 * @returns 64 lower-case hex characters
 * @throws {KeyError} when the file is missing or not a public key
 */
export async function loadPublicKey(path: string): Promise<string> {
  return parsePublicKey(await readKeyFile(path), path)
}

/**
 * The key of a state folder: the one that is there, else a new one. Two processes that race get the same key.
 *
 * @throws {KeyError} as `loadPrivateKey` and `createKeyFiles` do
 */
export async function loadOrCreatePrivateKey(path: string): Promise<{ pair: KeyPair; created: boolean }> {
  try {
    return { pair: await loadPrivateKey(path), created: false }
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  try {
    return { pair: await createKeyFiles(path), created: true }
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    // A public key that lies there without its private key is no race: the first error says so.
    const pair = await loadPrivateKey(path).catch((again: unknown) => {
      throw hasCode(again, 'ENOENT') ? error : again
    })
    return { pair, created: false }
  }
}

export function publicPath(path: string): string {
  return `${path}.pub`
}

async function readKeyFile(path: string, check?: (file: FileHandle) => Promise<void>): Promise<string> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    const remedy = codeOf(cause) === 'ENOENT' ? `: make one with chaperone keygen ${path}` : ''
    throw new KeyError(path, `expected a readable key file (${codeOf(cause)})${remedy}`, { cause })
  })
  try {
    // A FIFO or device would hang or never end.
    if (!(await file.stat()).isFile()) throw new KeyError(path, 'expected a regular file')
    await check?.(file)
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_KEY_FILE_BYTES + 1), 0, MAX_KEY_FILE_BYTES + 1, 0)
    if (bytesRead > MAX_KEY_FILE_BYTES) throw new KeyError(path, `expected at most ${MAX_KEY_FILE_BYTES} bytes`)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

/** Written beside and linked into place: another process sees the whole file or none, and an existing one is never replaced. */
async function placeFile(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.${randomBytes(SUFFIX_BYTES).toString('hex')}.tmp`
  try {
    const file = await open(draft, 'wx', mode)
    try {
      await file.chmod(mode)
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path)
  } catch (cause) {
    const problem = hasCode(cause, 'EEXIST') ? 'expected no file here; a key is never overwritten' : `cannot be written (${codeOf(cause)})`
    throw new KeyError(path, problem, { cause })
  } finally {
    await rm(draft, { force: true })
  }
  await syncDirectory(dirname(path))
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function hasCode(error: unknown, code: string): boolean {
  return codeOf(error instanceof KeyError ? error.cause : error) === code
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error'
}
