/** Opens the upstream end of a CONNECT tunnel: a bare TCP connection to the first checked address that accepts it. */

import type net from 'node:net'

import type { IpAddress } from '../base/ip-address.ts'
import { dial, DialError } from './dial.ts'
import type { UpstreamFailure } from './upstream.ts'

export interface TunnelTarget {
  readonly addresses: readonly IpAddress[]
  readonly port: number
  /** Per address. */
  readonly connectMs: number
}

/** @returns the connected socket (half-open allowed, not yet flowing), or why none of the addresses accepted */
export async function openTunnel({ addresses, port, connectMs }: TunnelTarget): Promise<net.Socket | UpstreamFailure> {
  let failure: UpstreamFailure = { reason: 'upstream_unreachable', detail: 'no address' }
  for (const address of addresses) {
    const opened = await dialled(address, port, connectMs)
    if (!(opened instanceof DialError)) return opened
    failure = { reason: opened.reason, detail: opened.message }
  }
  return failure
}

function dialled(address: IpAddress, port: number, connectMs: number): Promise<net.Socket | DialError> {
  return new Promise((resolve) => {
    dial({ address, port, connectMs }, (error, socket) => {
      resolve(socket ?? error ?? new DialError('upstream_unreachable', 'no socket'))
    })
  })
}
