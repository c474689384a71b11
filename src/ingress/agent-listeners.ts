/** All listeners for agents: opens them together or not at all, and looks at each connection before it may speak. */

import type net from 'node:net'

import type { Connection } from '../model/agent.ts'
import { admitConnection, ConnectionCounts } from '../pipeline/index.ts'
import { openListener, type AdmittedConnection, type Listener, type ListenerLimits } from './agent-listener.ts'
import { OpenConnections } from './open-connections.ts'
import { readProxyHeader } from './read-proxy-header.ts'
import { refuseBytes } from './refuse-message.ts'
import type { SurfaceContext } from './surface.ts'

const PROXY_HEADER_MS = 5000

export interface ListenerAddress {
  /** Canonical text as configured: the listener's name in identity rules. */
  readonly address: string
  /** IPv6 without brackets. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

export interface AgentListenersOptions {
  readonly addresses: readonly ListenerAddress[]
  readonly limits: ListenerLimits
  readonly context: SurfaceContext
}

export interface AgentListeners {
  /** With the ports that were bound. */
  readonly open: readonly ListenerAddress[]
  /** After a reload: connections whose callers have another profile now are told of, and closed when `drainMs` have passed. */
  reviewIdentity(drainMs: number): void
  stopAccepting(): void
  close(): Promise<void>
}

/** @throws {NodeJS.ErrnoException} where one cannot be bound; none is left open then */
export async function openAgentListeners({ addresses, limits, context }: AgentListenersOptions): Promise<AgentListeners> {
  const counts = new ConnectionCounts()
  const connections = new OpenConnections()
  let open = 0
  const admit = (socket: net.Socket, connection: Connection): Promise<AdmittedConnection | undefined> | AdmittedConnection | undefined => {
    // Each listener closes what is over the limit on its own; only here all of them are known.
    if (open >= limits.maxConnections) {
      socket.destroy()
      return undefined
    }
    open++
    socket.once('close', () => open--)
    const now = (facts: Connection): AdmittedConnection | undefined => {
      const admitted = admitNow(socket, facts, counts, context)
      if (admitted !== undefined) connections.add(facts, socket)
      return admitted
    }
    return context.services.identity.expectsProxyHeader(connection.peerAddress) ? admitProxied(socket, connection, context, now) : now(connection)
  }

  const opened: Listener[] = []
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((listener) => listener.close()))
  }
  try {
    for (const address of addresses) opened.push(await openListener({ ...address, limits, context, admit }))
  } catch (error) {
    await close()
    throw error
  }
  return {
    open: opened.map(({ address, host, port }) => ({ address, host, port })),
    reviewIdentity: (drainMs) => {
      connections.review(context.services, drainMs)
    },
    stopAccepting: () => {
      for (const listener of opened) listener.stopAccepting()
    },
    close,
  }
}

function admitNow(socket: net.Socket, connection: Connection, counts: ConnectionCounts, context: SurfaceContext): AdmittedConnection | undefined {
  const release = admitConnection(connection, counts, context.services)
  if (typeof release === 'function') return { connection, release }
  refuseBytes(socket, release, context)
  return undefined
}

async function admitProxied(socket: net.Socket, connection: Connection, context: SurfaceContext, now: (facts: Connection) => AdmittedConnection | undefined): Promise<AdmittedConnection | undefined> {
  const header = await readProxyHeader(socket, PROXY_HEADER_MS)
  if (header.kind === 'refused') {
    refuseBytes(socket, { reason: 'malformed_request', detail: header.detail }, context)
    return undefined
  }
  if (header.kind === 'local') {
    refuseBytes(socket, { reason: 'malformed_request', detail: 'a PROXY header without a client' }, context)
    return undefined
  }
  const proxied = header.kind === 'client' ? header.address : 'unresolved'
  return now({ ...connection, proxied })
}
