/** What a client sees of one exchange, in one word: `200`, or the reason of the refusal. */

import { throughProxy, type ProxyAnswer, type ProxyRequest } from './proxy-client.ts'

/** @returns the reason of a refusal, else the status; `cut` after it where the answer did not end as its framing said */
export function outcomeOf({ status, headers, isComplete }: ProxyAnswer): string {
  const reason = headers['x-pipelock-block-reason']
  if (typeof reason === 'string') return reason
  return isComplete ? String(status) : `${status} cut`
}

/** Asks the proxy at `port` for `url`. */
export async function askProxy(port: number, url: string, request?: ProxyRequest): Promise<string> {
  return outcomeOf(await throughProxy(port, url, request))
}

/** Asks /fetch at `port` for `url`. */
export function askFetch(port: number, url: string, request?: ProxyRequest): Promise<string> {
  return askProxy(port, `/fetch?url=${encodeURIComponent(url)}`, request)
}

/** A string that a built-in rule takes for a GitLab token. Made here, so that no file holds one. */
export const A_CREDENTIAL = ['glpat', 'x7Kq2mVb9TzR4nWc8YhL'].join('-')
