/**
 * The connections that are open, and what becomes of them when a reload gives their callers another profile: they keep the
 * one they have for the drain time, so that nothing that runs is cut at once, and are closed then.
 */

import type net from 'node:net'

import type { Connection } from '../model/agent.ts'
import type { Services } from '../pipeline/index.ts'

export class OpenConnections {
  readonly #open = new Map<Connection, net.Socket>()
  /** Those that are to be closed. */
  readonly #moved = new Set<Connection>()

  add(connection: Connection, socket: net.Socket): void {
    this.#open.set(connection, socket)
    socket.once('close', () => {
      this.#open.delete(connection)
      this.#moved.delete(connection)
    })
  }

  /** Compares every open connection with the rules in force now. @param drainMs how long one that moved may go on */
  review({ identity, observer, live }: Services, drainMs: number): void {
    for (const connection of this.#open.keys()) {
      const change = identity.changeOf(connection)
      if (change === undefined || this.#moved.has(connection)) continue
      this.#moved.add(connection)
      observer.identityChanged(connection, change.from, change.to)
      setTimeout(() => {
        this.#moved.delete(connection)
        const socket = this.#open.get(connection)
        // A later reload may have moved it back.
        if (socket === undefined || identity.changeOf(connection) === undefined) return
        live.cut(({ exchange }) => exchange.connection === connection, { reason: 'draining', detail: 'the caller has another profile now' })
        socket.destroySoon()
      }, drainMs).unref()
    }
  }
}
