/** Time per identity lookup with 10,000 networks and 1,000 profiles. Prints microseconds; asserts nothing. */

import { randomInt } from 'node:crypto'

import { ipv4FromNumber, ipv6FromNumber, parseIpAddress, type IpAddress } from '../src/base/ip-address.ts'
import { isNetworkFault, parseNetwork, type Network } from '../src/base/network.ts'
import { createNetworkTable } from '../src/base/network-table.ts'
import { createIdentityResolver } from '../src/identity/index.ts'
import type { Connection, IdentityRules } from '../src/model/agent.ts'

const NETWORKS = 10_000
const PROFILES = 1_000
const LOOKUPS = 200_000
const ADDRESSES = 4_096

function networkAt(n: number): Network {
  // Half of each family; every tenth is a wider network around its neighbours.
  const prefix = n % 10 === 0 ? 20 : 28
  const low = BigInt(n) << 8n
  const four = (((0x0a000000n + low) >> BigInt(32 - prefix)) << BigInt(32 - prefix))
  const text = n % 2 === 0 ? `${ipv4FromNumber(four).text}/${prefix}` : `${ipv6FromNumber((0xfd00n << 112n) + (low << 64n)).text}/64`
  const parsed = parseNetwork(text)
  if (isNetworkFault(parsed)) throw new RangeError(text)
  return parsed
}

function addressAt(): IpAddress {
  const n = BigInt(randomInt(NETWORKS)) << 8n
  return randomInt(2) === 0 ? ipv4FromNumber(0x0a000000n + n + 3n) : ipv6FromNumber((0xfd00n << 112n) + (n << 64n) + 3n)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function report(name: string, act: (n: number) => unknown): void {
  let seen = 0
  for (let n = 0; n < LOOKUPS; n++) if (act(n) !== undefined) seen++
  const startedMs = performance.now()
  for (let n = 0; n < LOOKUPS; n++) if (act(n) !== undefined) seen++
  const micros = ((performance.now() - startedMs) * 1000) / LOOKUPS
  print(`${name.padEnd(46)} ${micros.toFixed(3)} us  (${seen} of ${2 * LOOKUPS} found)`)
}

const entries = [...new Map(Array.from({ length: NETWORKS }, (_, n) => [networkAt(n).text, networkAt(n)])).values()]
const networks = entries.map((network, n) => ({ network, profile: `agent-${n % PROFILES}` }))
const rules: IdentityRules = { listeners: new Map(), networks, trustedProxies: [], forwarded: 'none', unmatched: 'deny' }
const proxy = parseNetwork('192.0.2.0/24')
if (isNetworkFault(proxy)) throw new RangeError('proxy')

const addresses = Array.from({ length: ADDRESSES }, addressAt)
const first = addresses[0] ?? ipv4FromNumber(0n)
const at = (n: number): IpAddress => addresses[n % ADDRESSES] ?? first
const connectionFrom = (peerAddress: string): Connection => ({ listener: '0.0.0.0:8888', peerAddress, peerPort: 40_000 })

const builtMs = performance.now()
const table = createNetworkTable(networks.map(({ network, profile }) => ({ network, value: profile })))
print(`${networks.length} networks, ${PROFILES} profiles; table built in ${(performance.now() - builtMs).toFixed(1)} ms`)

const resolver = createIdentityResolver(rules)
const settled = createIdentityResolver(rules)
const behindProxy = createIdentityResolver({ ...rules, trustedProxies: [proxy], forwarded: 'x-forwarded-for' })
const kept = connectionFrom(first.text)
const hop = connectionFrom('192.0.2.1')
const forwarded = addresses.map(({ text }) => ['Host', 'a.example', 'X-Forwarded-For', `198.51.100.7, ${text}`])

report('table.find', (n) => table.find(at(n)))
report('parse the address', (n) => parseIpAddress(at(n).text))
report('resolve, new connection', (n) => resolver.resolve(connectionFrom(at(n).text), []))
report('resolve, request on a known connection', () => settled.resolve(kept, []))
report('resolve, X-Forwarded-For from a trusted proxy', (n) => behindProxy.resolve(hop, forwarded[n % ADDRESSES] ?? []))
