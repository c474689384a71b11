/** The UNIX socket as a file: nobody but the owner opens it, and nothing that is not a dead socket is ever removed. */

import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import { createConnection, type Server } from 'node:net'
import { once } from 'node:events'

/** The path of the admin socket cannot be used: something else is there. */
export class AdminSocketError extends Error {
  override readonly name = 'AdminSocketError'
}

const OWNER_ONLY = 0o600
const OWNER_ONLY_UMASK = 0o177

/**
 * Listens at `path`, mode 0600 from the first moment on. A socket that nobody answers, left by a crash, is replaced.
 *
 * @throws {AdminSocketError} where a running process answers there, or the path is no socket; else the error of listen(2)
 */
export async function listenOnSocketFile(server: Server, path: string): Promise<void> {
  await removeDeadSocket(path)
  const before = process.umask(OWNER_ONLY_UMASK)
  try {
    // Synchronous on purpose: bind(2) happens inside this call, under the umask, so there is no moment of wider access.
    server.listen(path)
  } finally {
    process.umask(before)
  }
  await once(server, 'listening')
  chmodSync(path, OWNER_ONLY)
}

async function removeDeadSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new AdminSocketError(`${path}: expected a socket or nothing at this path`)
  if (await isAnswered(path)) throw new AdminSocketError(`${path}: another process listens here`)
  unlinkSync(path)
}

async function isAnswered(path: string): Promise<boolean> {
  const connection = createConnection(path)
  try {
    await once(connection, 'connect')
    return true
  } catch {
    return false
  } finally {
    connection.destroy()
  }
}
