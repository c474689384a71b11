/** A minimal client that asks for a URL through a companion. */

import http from 'node:http'

export interface ProxyOutcome {
  readonly status: number
  /** Why the companion refused; absent where it let pass. */
  readonly reason?: string
}

export function askThroughProxy(port: number, url: string): Promise<ProxyOutcome> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: url, agent: false, headers: { host: new URL(url).host } }, (response) => {
      const reason = response.headers['x-pipelock-block-reason']
      response.resume()
      response.on('close', () => {
        resolve({ status: response.statusCode ?? 0, ...(typeof reason === 'string' && { reason }) })
      })
    })
    request.on('error', reject)
    request.end()
  })
}
