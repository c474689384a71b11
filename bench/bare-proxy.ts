/** The yardstick: a forward proxy that does nothing but forward. node:http in front, undici `Pool.dispatch` behind, bodies held. */

import http from 'node:http'
import type { AddressInfo } from 'node:net'

import { Pool } from 'undici'

const pools = new Map<string, Pool>()

const server = http.createServer((request, response) => {
  const url = new URL(request.url ?? '')
  let pool = pools.get(url.origin)
  if (pool === undefined) {
    pool = new Pool(url.origin, { pipelining: 1 })
    pools.set(url.origin, pool)
  }
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const answer: Buffer[] = []
    let status = 502
    pool.dispatch(
      { method: request.method as 'GET', path: url.pathname + url.search, headers: { host: url.host }, body: chunks.length === 0 ? null : Buffer.concat(chunks) },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_controller, code) => {
          status = code
        },
        onResponseData: (_controller, chunk) => {
          answer.push(chunk)
        },
        onResponseEnd: () => {
          const body = Buffer.concat(answer)
          response.writeHead(status, { 'content-length': body.length })
          response.end(body)
        },
        onResponseError: () => {
          response.writeHead(502)
          response.end()
        },
      },
    )
  })
})

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
