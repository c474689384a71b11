/** A TCP proxy in front of a port that can stop passing bytes on without closing anything: a network that is cut. */

import { once } from 'node:events'
import net from 'node:net'
import type { TestContext } from 'node:test'

export interface DroppingProxy {
  readonly port: number
  /** From here on bytes vanish, in both directions. */
  cut(): void
  mend(): void
  /** New connections go to another port; those that are open are broken. */
  moveTo(port: number): void
}

export async function startDroppingProxy(test: TestContext, port: number): Promise<DroppingProxy> {
  let target = port
  let isCut = false
  const sockets = new Set<net.Socket>()
  const pass = (from: net.Socket, to: net.Socket): void => {
    sockets.add(from)
    from.on('data', (bytes) => {
      if (!isCut) to.write(bytes)
    })
    from.on('error', () => undefined)
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
  }
  const server = net.createServer((client) => {
    const upstream = net.connect(target, '127.0.0.1')
    pass(client, upstream)
    pass(upstream, client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  test.after(() => {
    breakAll()
    server.close()
  })
  return {
    port: (server.address() as net.AddressInfo).port,
    cut: () => {
      isCut = true
    },
    mend: () => {
      isCut = false
      // What was in flight is gone, as after a time-out of the network.
      breakAll()
    },
    moveTo: (port) => {
      target = port
      breakAll()
    },
  }
}
