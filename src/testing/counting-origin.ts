/** An HTTP origin on 127.0.0.1 that answers every request and counts what reached it. */

import http from 'node:http'
import type { AddressInfo } from 'node:net'

export interface CountingOrigin {
  readonly port: number
  /** Requests that reached it so far. */
  requests(): number
  close(): Promise<void>
}

export async function startCountingOrigin(): Promise<CountingOrigin> {
  let requests = 0
  const server = http.createServer((request, response) => {
    requests++
    request.resume()
    response.setHeader('content-type', 'text/plain')
    response.end(`hello from the origin: you asked for ${request.url ?? ''}\n`)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    requests: () => requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}
