/** Networks of the file, after the schema has seen them. */

import { isNetworkFault, parseNetwork, type Network } from '../base/network.ts'
import { parseNetworkLoosely } from './host-text.ts'

/** @param texts networks that loaded: host bits stand only where they are allowed, and are cleared here */
export function readNetworks(texts: readonly string[]): Network[] {
  return texts.flatMap((text) => readNetwork(text) ?? [])
}

export function readNetwork(text: string): Network | undefined {
  const network = parseNetwork(text)
  return isNetworkFault(network) ? parseNetworkLoosely(text) : network
}
