/**
 * Opens a TCP or TLS connection to an address that was checked before, and to no other: nothing here resolves a name, and
 * the address the kernel says we are connected to must be the one that was dialled.
 */

import net from 'node:net'
import tls from 'node:tls'

import { parseIpAddress, type IpAddress } from '../base/ip-address.ts'
import type { BlockReason } from '../model/block-reason.ts'

export interface DialTarget {
  readonly address: IpAddress
  readonly port: number
  /** Name for SNI and certificate check; absent for plain TCP. */
  readonly tlsName?: string
  readonly connectMs: number
}

/** A connection that could not be opened: no byte of a request was sent on it. */
export class DialError extends Error {
  override readonly name = 'DialError'
  readonly reason: BlockReason
  /** Not `UND_ERR_*`: undici then fails the waiting request at once instead of keeping it. */
  readonly code = 'CHAPERONE_DIAL'

  constructor(reason: BlockReason, detail: string) {
    super(detail)
    this.reason = reason
  }
}

export type DialCallback = (error: DialError | null, socket: net.Socket | null) => void

/** @param callback called exactly once */
export function dial(target: DialTarget, callback: DialCallback): void {
  const socket = net.connect({ host: target.address.text, port: target.port, autoSelectFamily: false, noDelay: true, allowHalfOpen: true })
  const settle = once(callback, () => {
    clearTimeout(timer)
    socket.removeListener('error', onError)
  })
  const timer = setTimeout(() => {
    socket.destroy()
    settle(new DialError('upstream_timeout', `no connection within ${target.connectMs} ms`), null)
  }, target.connectMs)
  const onError = (error: NodeJS.ErrnoException): void => {
    settle(new DialError('upstream_unreachable', error.code ?? 'connect failed'), null)
  }
  socket.once('error', onError)
  socket.once('connect', () => {
    if (parseIpAddress(socket.remoteAddress ?? '')?.text !== target.address.text) {
      socket.destroy()
      settle(new DialError('upstream_unreachable', 'connected to another address than the one checked'), null)
      return
    }
    if (target.tlsName === undefined) settle(null, socket)
    else startTls(socket, target.tlsName, settle)
  })
}

function startTls(socket: net.Socket, name: string, settle: DialCallback): void {
  const isAddress = net.isIP(name) !== 0
  const secure = tls.connect({ socket, host: name, ...(!isAddress && { servername: name }), ALPNProtocols: ['http/1.1'] })
  const onError = (error: NodeJS.ErrnoException): void => {
    secure.destroy()
    settle(new DialError('upstream_tls', error.code ?? 'TLS handshake failed'), null)
  }
  secure.once('error', onError)
  secure.once('secureConnect', () => {
    secure.removeListener('error', onError)
    settle(null, secure)
  })
}

function once(callback: DialCallback, cleanUp: () => void): DialCallback {
  let settled = false
  return (error, socket) => {
    if (settled) {
      socket?.destroy()
      return
    }
    settled = true
    cleanUp()
    callback(error, socket)
  }
}
