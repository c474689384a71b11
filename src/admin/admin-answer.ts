/** Answers of the admin listener: JSON, metrics text, and refusals as problem documents (RFC 9457). */

import { STATUS_CODES, type ServerResponse } from 'node:http'

export interface AdminAnswer {
  readonly status: number
  /** An object is written as JSON, a text as it is. */
  readonly body: object | string
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export function jsonAnswer(status: number, body: object): AdminAnswer {
  return { status, body, contentType: 'application/json' }
}

export function metricsAnswer(text: string): AdminAnswer {
  return { status: 200, body: text, contentType: METRICS_TYPE }
}

/** @param detail words of ours: never what the caller sent */
export function problemAnswer(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): AdminAnswer {
  const body = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail }
  return { status, body, contentType: 'application/problem+json', headers }
}

/** @param ending `close` where bytes of the request are left unread */
export function writeAnswer(response: ServerResponse, answer: AdminAnswer, ending: 'keep' | 'close'): void {
  const bytes = Buffer.from(typeof answer.body === 'string' ? answer.body : `${JSON.stringify(answer.body)}\n`, 'utf8')
  response.writeHead(answer.status, {
    'Content-Type': answer.contentType ?? 'application/json',
    'Content-Length': bytes.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    ...answer.headers,
    ...(ending === 'close' && { Connection: 'close' }),
  })
  response.end(bytes)
}
