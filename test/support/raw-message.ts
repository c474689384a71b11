/** Requests written out as bytes, and answers read back: for tests that look at what stands on the wire. */

import { sendRaw } from './proxy-client.ts'

export interface RawMessage {
  readonly method?: string
  /** Header lines, each with its CRLF. */
  readonly fields?: string
  readonly body?: string
}

export interface Told {
  /** 0 where there was no answer. */
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Longer than every time-out that these tests configure. */
export const LONG_ENOUGH_MS = 4000

/** @returns the bytes of a request after which the connection ends */
export function rawMessage(target: string, { method = 'GET', fields = '', body }: RawMessage = {}): string {
  const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`
  return `${method} ${target} HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\n${fields}${length}\r\n${body ?? ''}`
}

/** @returns all that the proxy at `port` sent back, latin-1 */
export async function askRaw(port: number, target: string, message?: RawMessage): Promise<string> {
  return (await sendRaw(port, rawMessage(target, message), { waitMs: LONG_ENOUGH_MS })).text
}

/** @returns the last message of an answer: interim ones, and those of earlier requests, stand before it */
export function lastMessage(text: string): Told {
  const [head = '', ...rest] = text.slice(Math.max(0, text.lastIndexOf('HTTP/1.1 '))).split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const fields = lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()])
  return { status: Number(first.split(' ')[1] ?? 0), headers: Object.fromEntries(fields), body: rest.join('\r\n\r\n') }
}
