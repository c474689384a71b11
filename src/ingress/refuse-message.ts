/** Refuses bytes that never become an exchange: answered, counted, not receipted, so that garbage cannot grow the chain. */

import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

import type { Denial } from '../model/denial.ts'
import type { Refusal } from '../model/exchange.ts'
import { HttpReply } from './http-reply.ts'
import type { SurfaceContext } from './surface.ts'
import { refusalMessage } from './write-refusal.ts'

/** The request was parsed, but is not one that is taken. */
export function refuseMessage(request: IncomingMessage, response: ServerResponse, denial: Denial, context: SurfaceContext): void {
  context.services.observer.refusedBeforeExchange(denial.reason)
  // Whatever follows on this connection is not to be trusted to begin where we think it does.
  response.shouldKeepAlive = false
  new HttpReply(request, response, context.companionId).refuse(unknownRefusal(denial))
}

/** The bytes could not be parsed, or the answer has to be written without a response object. */
export function refuseBytes(socket: Duplex, denial: Denial, context: SurfaceContext): void {
  context.services.observer.refusedBeforeExchange(denial.reason)
  writeRefusal(socket, unknownRefusal(denial), context.companionId)
}

/** Writes a refusal to a bare socket and ends it. */
export function writeRefusal(socket: Duplex, refusal: Refusal, companionId: string): void {
  if (socket.destroyed || !socket.writable) return
  const { status, headers, body } = refusalMessage(refusal, companionId)
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`]
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i] ?? ''}: ${headers[i + 1] ?? ''}`)
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`, 'latin1'), body]), () => socket.destroy())
}

function unknownRefusal(denial: Denial): Refusal {
  return { denial, actionId: '', url: '', agent: '' }
}
