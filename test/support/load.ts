/** Sends many requests through a companion, over a number of keep-alive connections, each with a URL of its own. */

import http from 'node:http'

export interface LoadResult {
  /** URLs answered with 200. */
  readonly answered: number
  /** Other answers and broken connections, by status or code. */
  readonly failures: ReadonlyMap<string, number>
}

/** @param stop ends the load early */
export async function sendLoad(port: number, base: string, { total, connections, stop }: { total: number; connections: number; stop?: () => boolean }): Promise<LoadResult> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections })
  const failures = new Map<string, number>()
  let next = 0
  let answered = 0
  const worker = async (): Promise<void> => {
    while (next < total && stop?.() !== true) {
      const path = `${base}/${next++}`
      const outcome = await ask(port, path, agent)
      if (outcome === '200') answered++
      else failures.set(outcome, (failures.get(outcome) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  agent.destroy()
  return { answered, failures }
}

function ask(port: number, path: string, agent: http.Agent): Promise<string> {
  return new Promise((resolve) => {
    const request = http.request({ host: '127.0.0.1', port, path, agent }, (response) => {
      response.resume()
      response.on('close', () => {
        resolve(response.complete ? String(response.statusCode) : 'incomplete')
      })
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.name)
    })
    request.end()
  })
}
