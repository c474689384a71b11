/**
 * The PROXY protocol header, version 2, that a trusted proxy sends before anything else on a connection. Read from the
 * raw socket, before TLS and HTTP. https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt section 2.2.
 */

import type { Socket } from 'node:net'

import { ipv4FromNumber, ipv6FromNumber, parseIpAddress } from '../base/ip-address.ts'

export type ProxyHeader =
  | { readonly kind: 'client'; readonly address: string; readonly port: number }
  /** The proxy calls on its own behalf, to see whether we live. */
  | { readonly kind: 'local' }
  /** A client without an Internet address of a stream (unspecified, Unix, datagram). */
  | { readonly kind: 'unresolved' }
  /** The socket is destroyed. `detail` is for the log and holds no received bytes. */
  | { readonly kind: 'refused'; readonly detail: string }

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const VERSION_1 = Buffer.from('PROXY ', 'latin1')
const FIXED_BYTES = 16

/** What the standard promises never to be needed by addresses; the rest of it is room for TLVs. */
const MAX_REST_BYTES = 536

const LOCAL = 0x20
const PROXY = 0x21

interface AddressForm {
  /** Bytes that the two addresses and ports of the form take. */
  readonly bytes: number
  /** Bytes of one address, where it is one we can hold a caller to. */
  readonly addressBytes?: 4 | 16
}

/** By family (high nibble) and transport (low nibble); all others are to be refused, section 2.2. */
const ADDRESS_FORMS: Readonly<Record<number, AddressForm>> = {
  0x00: { bytes: 0 },
  0x01: { bytes: 0 },
  0x02: { bytes: 0 },
  0x10: { bytes: 12 },
  0x11: { bytes: 12, addressBytes: 4 },
  0x12: { bytes: 12 },
  0x20: { bytes: 36 },
  0x21: { bytes: 36, addressBytes: 16 },
  0x22: { bytes: 36 },
  0x30: { bytes: 216 },
  0x31: { bytes: 216 },
  0x32: { bytes: 216 },
}

/**
 * Takes exactly the header off the socket. What follows it is put back, so that the socket can be given to an HTTP server
 * (`server.emit('connection', socket)`) as if it had just been accepted; a second header there is data like any other.
 *
 * @param socket just accepted, with no listener of its own and nothing read yet, open for half-closing as HTTP servers have it
 * @param timeoutMs for the whole header, from now
 * @returns never rejects; `refused` where the header is missing, late, cut short or malformed
 */
export function readProxyHeader(socket: Socket, timeoutMs: number): Promise<ProxyHeader> {
  return new Promise((resolve) => {
    let received: Buffer = Buffer.alloc(0)

    const finish = (header: ProxyHeader) => {
      clearTimeout(timer)
      socket.off('readable', onReadable).off('end', onEnd).off('close', onEnd)
      if (header.kind === 'refused') socket.destroy()
      // The error listener of a destroyed socket stays: a late reset must find one.
      else socket.off('error', onError)
      resolve(header)
    }
    const onReadable = () => {
      const chunk = socket.read() as Buffer | null
      if (chunk === null) return
      received = Buffer.concat([received, chunk])
      const parsed = parseProxyHeader(received)
      if (parsed === 'incomplete') return
      const rest = received.subarray(parsed.bytes)
      if (parsed.header.kind !== 'refused' && rest.length > 0) socket.unshift(rest)
      finish(parsed.header)
    }
    const onEnd = () => { finish(refused('the connection ended before the PROXY header did')) }
    const onError = () => { finish(refused('the connection failed before the PROXY header was complete')) }
    const timer = setTimeout(() => { finish(refused('the PROXY header did not arrive in time')) }, timeoutMs)

    socket.on('error', onError)
    if (socket.destroyed || socket.readableEnded) onEnd()
    else socket.on('end', onEnd).on('close', onEnd).on('readable', onReadable)
  })
}

/** A header, and how many bytes it took. */
interface ParsedHeader {
  readonly header: ProxyHeader
  readonly bytes: number
}

/** Refuses as soon as a byte is wrong, so that a sender of something else need not be waited for. */
function parseProxyHeader(received: Buffer): ParsedHeader | 'incomplete' {
  const signature = received.subarray(0, SIGNATURE.length)
  if (!signature.equals(SIGNATURE.subarray(0, signature.length))) return { header: refused(faultOfSignature(signature)), bytes: 0 }
  if (received.length < FIXED_BYTES) return 'incomplete'

  const command = received.readUInt8(12)
  if (command !== LOCAL && command !== PROXY) return { header: refused('the PROXY header has an unknown version or command'), bytes: 0 }
  const restBytes = received.readUInt16BE(14)
  if (restBytes > MAX_REST_BYTES) return { header: refused(`the PROXY header is over ${MAX_REST_BYTES} bytes`), bytes: 0 }
  const bytes = FIXED_BYTES + restBytes
  if (received.length < bytes) return 'incomplete'

  // Section 2.2: what a LOCAL header says of addresses is to be ignored, whatever it is.
  if (command === LOCAL) return { header: { kind: 'local' }, bytes }
  return { header: parseAddresses(received.readUInt8(13), received.subarray(FIXED_BYTES, bytes)), bytes }
}

/** TLVs may follow the addresses; they are skipped unread. */
function parseAddresses(formCode: number, rest: Buffer): ProxyHeader {
  const form = ADDRESS_FORMS[formCode]
  if (form === undefined) return refused('the PROXY header has an unknown address family or transport')
  if (rest.length < form.bytes) return refused('the PROXY header is too short for its addresses')
  if (form.addressBytes === undefined) return { kind: 'unresolved' }

  const source = BigInt(`0x${rest.toString('hex', 0, form.addressBytes)}`)
  const written = form.addressBytes === 4 ? ipv4FromNumber(source) : ipv6FromNumber(source)
  // Read again, since a proxy that listens on both families writes an IPv4 client as a mapped address.
  const address = parseIpAddress(written.text) ?? written
  return { kind: 'client', address: address.text, port: rest.readUInt16BE(2 * form.addressBytes) }
}

function faultOfSignature(signature: Buffer): string {
  const isVersion1 = signature.subarray(0, VERSION_1.length).equals(VERSION_1.subarray(0, signature.length))
  return isVersion1 ? 'the PROXY header is of version 1, which is not taken' : 'the connection does not begin with a PROXY header'
}

function refused(detail: string): ProxyHeader {
  return { kind: 'refused', detail }
}
