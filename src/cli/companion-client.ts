/** Speaks to a running companion over the UNIX socket of its state folder. */

import http from 'node:http'

export interface CompanionAnswer {
  readonly status: number
  readonly body: unknown
}

const TIMEOUT_MS = 5000

/** @throws the error of the connection: ENOENT or ECONNREFUSED where no companion runs */
export function askCompanion(socketPath: string, path: string, body?: object): Promise<CompanionAnswer> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const request = http.request(
      {
        socketPath,
        path,
        method: text === undefined ? 'GET' : 'POST',
        timeout: TIMEOUT_MS,
        headers: { host: 'localhost', ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }) },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: parseBody(Buffer.concat(chunks).toString()) })
        })
      },
    )
    request.on('timeout', () => request.destroy(new CompanionSilent('the companion does not answer')))
    request.on('error', reject)
    request.end(text)
  })
}

class CompanionSilent extends Error {
  override readonly name = 'CompanionSilent'
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
