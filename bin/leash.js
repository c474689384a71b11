/**
 * Loaded into a child of bin/node24.js: ends this process when the launcher is gone, even by SIGKILL.
 *
 * CHAPERONE_LEASH is `<pid of the launcher>:<descriptor>`. Processes further down inherit the variable and this import, but
 * not the descriptor (`node --test` starts its files so): only the launcher's own child holds the leash.
 */

import net from 'node:net'
import process from 'node:process'

const [launcher, descriptor] = (process.env.CHAPERONE_LEASH ?? '').split(':').map(Number)
delete process.env.CHAPERONE_LEASH

if (descriptor !== undefined && process.ppid === launcher) {
  const leash = new net.Socket({ fd: descriptor, readable: true, writable: false })
  leash.on('error', () => undefined)
  leash.on('close', () => process.kill(process.pid, 'SIGTERM'))
  leash.resume()
  leash.unref()
}
