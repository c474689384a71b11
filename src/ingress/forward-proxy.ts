/** Forward proxy surface: an absolute-form request in, an Exchange through the data path, its answer back. Decides nothing. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import { handleExchange } from '../pipeline/index.ts'
import { buildExchange } from './build-exchange.ts'
import { HttpReply } from './http-reply.ts'
import { parseAbsoluteTarget } from './parse-target.ts'
import { refuseMessage } from './refuse-message.ts'
import type { SurfaceRequest } from './surface.ts'

export async function serveForward(request: IncomingMessage, response: ServerResponse, surface: SurfaceRequest): Promise<void> {
  const target = parseAbsoluteTarget(request.url ?? '', 'refuse')
  if ('reason' in target) {
    refuseMessage(request, response, target, surface.context)
    return
  }
  const exchange = buildExchange(request, response, { surface: 'forward', target }, surface)
  await handleExchange(exchange, new HttpReply(request, response, surface.context.companionId), surface.context.services)
}
