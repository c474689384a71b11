/** Carries the opaque bytes of a CONNECT tunnel both ways: counted, limited in idle time and life, and cut by a reset. */

import type net from 'node:net'

import type { Denial } from '../model/denial.ts'
import type { TunnelSocket } from '../model/exchange.ts'
import type { Ending, Passage } from './passage.ts'

export interface TunnelOptions {
  readonly passage: Passage
  readonly caller: TunnelSocket
  readonly upstream: net.Socket
  /** Told of the bytes of both directions. */
  readonly meter: (bytes: number) => void
}

/** How long a side may go on sending after the other has ended, before both are closed: within the idle time-out. */
const TICK_MS = 1000

/** @returns how the tunnel ended; never rejects */
// eslint-disable-next-line max-lines-per-function -- one closure over both sockets: every part ends the same tunnel
export function pumpTunnel({ passage, caller, upstream, meter }: TunnelOptions): Promise<Ending> {
  // eslint-disable-next-line max-lines-per-function -- as above
  return new Promise((resolve) => {
    const { tunnelIdleMs, tunnelMaxMs } = passage.policy.timeouts
    const startedMs = performance.now()
    let lastMs = startedMs
    let isOver = false

    const over = (reason: Ending['reason'], verdict: Ending['verdict'], isClean: boolean): void => {
      if (isOver) return
      isOver = true
      clearInterval(timer)
      for (const socket of [caller.socket, upstream]) {
        if (isClean) socket.destroySoon()
        else socket.resetAndDestroy()
      }
      resolve({ status: 200, reason, verdict })
    }
    const verdict = passage.warnings.length > 0 ? 'warn' : 'allow'
    const timer = setInterval(() => {
      const nowMs = performance.now()
      if (nowMs - lastMs >= tunnelIdleMs) over('upstream_timeout', 'block', false)
      else if (tunnelMaxMs > 0 && nowMs - startedMs >= tunnelMaxMs) over('upstream_timeout', 'block', false)
    }, Math.min(TICK_MS, tunnelIdleMs))
    passage.running = {
      stop: (denial: Denial) => {
        over(denial.reason, 'block', false)
      },
    }

    const noteUp = (bytes: number): void => {
      passage.bytesUp += bytes
      lastMs = performance.now()
      meter(bytes)
    }
    const noteDown = (bytes: number): void => {
      passage.bytesDown += bytes
      lastMs = performance.now()
      meter(bytes)
    }
    if (caller.head.length > 0) {
      noteUp(caller.head.length)
      upstream.write(caller.head)
    }
    relay(caller.socket, upstream, noteUp)
    relay(upstream, caller.socket, noteDown)

    const endedBoth = (): void => {
      if (caller.socket.readableEnded && upstream.readableEnded) over('completed', verdict, true)
    }
    caller.socket.on('end', endedBoth)
    upstream.on('end', endedBoth)
    caller.socket.on('error', () => {
      over('client_aborted', verdict, false)
    })
    upstream.on('error', () => {
      over('upstream_truncated', verdict, false)
    })
    caller.socket.on('close', () => {
      over('client_aborted', verdict, false)
    })
    upstream.on('close', () => {
      over('upstream_truncated', verdict, false)
    })
  })
}

/** Copies one direction with back-pressure, and passes its end on as a half-close. */
function relay(from: net.Socket, to: net.Socket, note: (bytes: number) => void): void {
  from.on('data', (chunk: Buffer) => {
    note(chunk.length)
    if (!to.write(chunk)) from.pause()
  })
  to.on('drain', () => {
    from.resume()
  })
  if (from.readableEnded) {
    // It ended while the other side was being dialled.
    to.end()
    return
  }
  from.on('end', () => {
    to.end()
  })
  from.resume()
}
