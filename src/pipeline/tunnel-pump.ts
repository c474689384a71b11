/** Carries the opaque bytes of a CONNECT tunnel both ways: counted, limited in idle time and life, and cut by a reset. */

import type net from 'node:net'

import type { Denial } from '../model/denial.ts'
import type { TunnelSocket } from '../model/exchange.ts'
import { passedVerdict, type Ending, type Passage } from './passage.ts'

export interface TunnelOptions {
  readonly passage: Passage
  readonly caller: TunnelSocket
  readonly upstream: net.Socket
  /** Told of the bytes of both directions. */
  readonly meter: (bytes: number) => void
  /** Why the budget gave less than a chunk. */
  readonly exhausted: () => Denial
}

/** How long a side may go on sending after the other has ended, before both are closed: within the idle time-out. */
const TICK_MS = 1000

/** @returns how the tunnel ended; never rejects */
// eslint-disable-next-line max-lines-per-function -- one closure over both sockets: every part ends the same tunnel
export function pumpTunnel({ passage, caller, upstream, meter, exhausted }: TunnelOptions): Promise<Ending> {
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
    const verdict = (): Ending['verdict'] => passedVerdict(passage)
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

    const { spending, profile } = passage
    const flowOf = (from: net.Socket, to: net.Socket, direction: 'up' | 'down'): Flow => ({
      from,
      to,
      admit: (bytes) => (spending === undefined || (direction === 'up' && profile.budget.bytes?.count === 'response') ? bytes : spending.take(bytes)),
      note: (bytes) => {
        if (direction === 'up') passage.bytesUp += bytes
        else passage.bytesDown += bytes
        lastMs = performance.now()
        meter(bytes)
      },
      exhausted: () => {
        if (!isOver) over(exhausted().reason, 'block', false)
      },
      isOver: () => isOver,
      isAsking: false,
    })
    const up = flowOf(caller.socket, upstream, 'up')
    if (caller.head.length > 0) pass(up, caller.head)
    relay(up)
    relay(flowOf(upstream, caller.socket, 'down'))

    const endedBoth = (): void => {
      if (caller.socket.readableEnded && upstream.readableEnded) over('completed', verdict(), true)
    }
    caller.socket.on('end', endedBoth)
    upstream.on('end', endedBoth)
    caller.socket.on('error', () => {
      over('client_aborted', verdict(), false)
    })
    upstream.on('error', () => {
      over('upstream_truncated', verdict(), false)
    })
    caller.socket.on('close', () => {
      over('client_aborted', verdict(), false)
    })
    upstream.on('close', () => {
      over('upstream_truncated', verdict(), false)
    })
    // What closed while the other side was dialled tells nobody again.
    if (caller.socket.destroyed) over('client_aborted', verdict(), false)
    else if (upstream.destroyed) over('upstream_truncated', verdict(), false)
  })
}

class TunnelFault extends Error {
  override readonly name = 'TunnelFault'
}

/** One direction of a tunnel. */
interface Flow {
  readonly from: net.Socket
  readonly to: net.Socket
  /** @returns how many bytes may flow */
  readonly admit: (bytes: number) => number | Promise<number>
  readonly note: (bytes: number) => void
  readonly exhausted: () => void
  readonly isOver: () => boolean
  /** While the budget is asked, nothing more is read. */
  isAsking: boolean
}

/** Copies one direction with back-pressure, and passes its end on as a half-close. */
function relay(flow: Flow): void {
  const { from, to } = flow
  from.on('data', (chunk: Buffer) => {
    pass(flow, chunk)
  })
  to.on('drain', () => {
    if (!flow.isAsking) from.resume()
  })
  if (from.readableEnded) {
    // It ended while the other side was being dialled.
    to.end()
    return
  }
  from.on('end', () => {
    to.end()
  })
  if (!flow.isAsking) from.resume()
}

/** Nothing is written that was not admitted first. */
function pass(flow: Flow, chunk: Buffer): void {
  const admitted = flow.admit(chunk.length)
  if (!(admitted instanceof Promise)) {
    deliver(flow, chunk, admitted)
    return
  }
  flow.isAsking = true
  flow.from.pause()
  admitted
    .then((bytes) => {
      flow.isAsking = false
      if (flow.isOver()) return
      deliver(flow, chunk, bytes)
      if (!flow.to.writableNeedDrain) flow.from.resume()
    })
    // Ends the tunnel by its error.
    .catch(() => flow.to.destroy(new TunnelFault('the budget could not be asked')))
}

function deliver({ from, to, note, exhausted }: Flow, chunk: Buffer, bytes: number): void {
  note(bytes)
  const isWritten = to.write(bytes === chunk.length ? chunk : chunk.subarray(0, bytes))
  if (!isWritten) from.pause()
  if (bytes < chunk.length) exhausted()
}
