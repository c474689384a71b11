/** Clients of the companion: an HTTP client that uses it as its proxy, and a raw socket that sends what it likes. */

import http from 'node:http'
import net from 'node:net'

export interface ProxyAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly text: string
  /** Whether the body ended as its framing said. */
  readonly isComplete: boolean
}

export interface ProxyRequest {
  readonly method?: string
  readonly headers?: http.OutgoingHttpHeaders | readonly string[]
  readonly body?: Buffer | string
  /** Source address, for example 127.0.1.2. */
  readonly from?: string
  readonly agent?: http.Agent
  readonly listener?: string
}

/** Sends an absolute-form request for `url` to the proxy at `port`. */
export function throughProxy(port: number, url: string, { method = 'GET', headers = {}, body, from, agent, listener = '127.0.0.1' }: ProxyRequest = {}): Promise<ProxyAnswer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: listener, port, path: url, method, headers: headers as http.OutgoingHttpHeaders, agent: agent ?? false, ...(from !== undefined && { localAddress: from }) },
      (response) => {
        collect(response).then(resolve, reject)
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

function collect(response: http.IncomingMessage): Promise<ProxyAnswer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', () => undefined)
    response.on('close', () => {
      const body = Buffer.concat(chunks)
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        rawHeaders: response.rawHeaders,
        body,
        text: body.toString(),
        isComplete: response.complete,
      })
    })
  })
}

export interface RawAnswer {
  readonly text: string
  /** `end`: the peer closed cleanly; `reset`: by RST; `timeout`: it did not close. */
  readonly closedBy: 'end' | 'reset' | 'timeout'
}

/** Sends bytes and returns all that comes back until the peer closes, or `waitMs` after the last byte. */
export function sendRaw(port: number, bytes: string | Buffer | readonly (string | Buffer)[], { waitMs = 1500, from, halfClose = false, host = '127.0.0.1' }: { waitMs?: number; from?: string; halfClose?: boolean; host?: string } = {}): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host, allowHalfOpen: true, ...(from !== undefined && { localAddress: from }) })
    const chunks: Buffer[] = []
    const finish = (closedBy: RawAnswer['closedBy']): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ text: Buffer.concat(chunks).toString('latin1'), closedBy })
    }
    const timer = setTimeout(() => {
      finish('timeout')
    }, waitMs)
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      timer.refresh()
    })
    socket.on('end', () => {
      finish('end')
    })
    socket.on('error', () => {
      finish('reset')
    })
    const parts = typeof bytes === 'string' || Buffer.isBuffer(bytes) ? [bytes] : bytes
    for (const part of parts) socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part)
    if (halfClose) socket.end()
  })
}
