/**
 * Script for a network namespace: listens on every address given as an argument, then says of each, one JSON line apiece,
 * whether a plain connection reaches it and what the resolver makes of it. Takes no part in the product.
 */

import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'

import { SYSTEM_CLOCK } from '../../src/base/clock.ts'
import { createResolver } from '../../src/egress/resolve-host.ts'

const resolver = createResolver({
  hostsFile: '/etc/hosts',
  timeoutMs: 1000,
  cacheSeconds: 60,
  maxCacheEntries: 10,
  clock: SYSTEM_CLOCK,
  protectedAddress: () => false,
})

for (const address of process.argv.slice(2)) {
  const server = createServer((socket) => socket.end('reached'))
  server.listen(0, address)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const socket = connect(port, address)
  const [greeting] = (await once(socket, 'data')) as [Buffer]
  const result = await resolver.resolve(address, port, { allowNetworks: [], trusted: false })
  console.log(JSON.stringify({ address, greeting: greeting.toString(), verdict: 'reason' in result ? result.reason : 'allowed' }))
  socket.destroy()
  server.close()
}
