/** `/fetch?...&format=json`: the whole answer as one JSON object, with the member names that Pipelock's clients know. */

import type { ServerResponse } from 'node:http'

import { BLOCK_REASONS } from '../model/block-reason.ts'
import type { Cleared } from '../model/cleared.ts'
import type { Denial } from '../model/denial.ts'
import type { Refusal, Reply, ResponseHead } from '../model/exchange.ts'
import { headerValue } from '../model/raw-headers.ts'
import { endResponse, type HttpReply } from './http-reply.ts'
import { limitMembers } from './write-limit.ts'
import { refusalHeaders } from './write-refusal.ts'

/** A JSON object cannot be streamed: longer answers are refused. */
const MAX_CONTENT_BYTES = 10 * 1024 * 1024
const TITLE = /<title[^>]{0,200}>([^<]{0,2000})</i

export class JsonReply implements Reply {
  readonly holds = { maxBytes: MAX_CONTENT_BYTES }
  readonly #response: ServerResponse
  readonly #http: HttpReply
  readonly #url: string
  readonly #companionId: string
  #head: ResponseHead | undefined
  #chunks: Buffer[] = []

  constructor(response: ServerResponse, http: HttpReply, url: string, companionId: string) {
    this.#response = response
    this.#http = http
    this.#url = url
    this.#companionId = companionId
  }

  inform(head: ResponseHead): void {
    this.#http.inform(head)
  }

  start(head: ResponseHead): void {
    this.#head = head
  }

  write(chunk: Cleared<Buffer>): undefined {
    this.#chunks.push(chunk)
  }

  end(): Promise<void> {
    const content = Buffer.concat(this.#chunks).toString('utf8')
    const contentType = this.#head === undefined ? '' : (headerValue(this.#head.headers, 'content-type') ?? '')
    const title = TITLE.exec(content)?.[1]?.trim()
    return this.#send(200, [], {
      url: this.#url,
      status_code: this.#head?.status ?? 0,
      content_type: contentType,
      ...(title !== undefined && title !== '' && { title }),
      content,
      blocked: false,
    })
  }

  abort(denial: Denial): void {
    this.refuse({ denial, agent: '', url: '', actionId: '' })
  }

  refuse({ denial, agent, url, actionId }: Refusal): void {
    const { httpStatus, summary } = BLOCK_REASONS[denial.reason]
    void this.#send(httpStatus, refusalHeaders({ denial, actionId }, this.#companionId), {
      url,
      agent,
      status_code: httpStatus,
      content: '',
      blocked: true,
      block_reason: denial.reason,
      hint: summary,
      action_id: actionId,
      ...limitMembers({ denial, actionId }),
    })
  }

  #send(status: number, headers: readonly string[], members: Record<string, unknown>): Promise<void> {
    if (this.#response.headersSent) return Promise.resolve()
    const body = Buffer.from(JSON.stringify(members))
    this.#response.writeHead(status, [...headers, 'Content-Type', 'application/json', 'Content-Length', String(body.length)])
    this.#response.write(body)
    return endResponse(this.#response)
  }
}
