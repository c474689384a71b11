/** One call at the admin listener, and what answers it. */

import type { IncomingMessage } from 'node:http'

import type { AdminActionEvent } from '../model/audit-event.ts'
import type { AdminAnswer } from './admin-answer.ts'
import type { AdminTransport } from './admin-caller.ts'

export interface AdminCall {
  readonly request: IncomingMessage
  readonly via: AdminTransport
  /** Address of the peer, captured when the request came; '' on the socket. */
  readonly remote: string
}

export type Handler = (call: AdminCall) => AdminAnswer | Promise<AdminAnswer>

export interface AdminRoute {
  /** `open`: no token needed; liveness and readiness, which say nothing that a port scan does not. */
  readonly access: 'open' | 'guarded'
  readonly methods: ReadonlyMap<string, Handler>
}

export function actionEvent(call: AdminCall, facts: Pick<AdminActionEvent, 'action' | 'result' | 'scope' | 'active'>): AdminActionEvent {
  return { event: 'admin_action', via: call.via, remote: call.remote, ...facts }
}
