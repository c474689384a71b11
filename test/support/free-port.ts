/** A port that is free now, for configurations that must name one. */

import { once } from 'node:events'
import net from 'node:net'

export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = net.createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
