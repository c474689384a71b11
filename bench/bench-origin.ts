/** The origin of the measurements: answers 305 bytes to everything. Prints its port. */

import http from 'node:http'
import type { AddressInfo } from 'node:net'

const BODY = Buffer.alloc(305, 'x')

const server = http.createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': BODY.length })
    response.end(BODY)
  })
})

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
