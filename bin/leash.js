/** Loaded into a child of bin/node24.js: ends this process when the launcher is gone, even by SIGKILL. */

import net from 'node:net'
import process from 'node:process'

const descriptor = process.env.CHAPERONE_LEASH_FD
delete process.env.CHAPERONE_LEASH_FD

if (descriptor !== undefined) {
  const leash = new net.Socket({ fd: Number(descriptor), readable: true, writable: false })
  leash.on('error', () => undefined)
  leash.on('close', () => process.kill(process.pid, 'SIGTERM'))
  leash.resume()
  leash.unref()
}
