/**
 * The companion's own addresses and those of protected applications: never a destination, whatever an allow list says.
 * Asked by name before resolution, so that no query leaves, and by address after it, which is the check that binds.
 */

import { parseIpAddress, type IpAddress } from '../base/ip-address.ts'
import { networkContains, type Network } from '../base/network.ts'

export interface Endpoint {
  /** Address or name; `''`, `0.0.0.0` and `::` stand for every address of this machine. */
  readonly host: string
  readonly port: number
}

export interface ProtectedTargets {
  /** Replaces the whole set: after every opening of listeners (ports are known then) and every reload. */
  protect(endpoints: readonly Endpoint[]): void
  isProtected(address: IpAddress, port: number): boolean
  /** @param host canonical name or address; a name is protected where it stands for this machine or in the set */
  isProtectedName(host: string, port: number): boolean
}

export interface LocalNames {
  /** Texts of all addresses of all interfaces, now (`os.networkInterfaces()`): asked only when the port is one of ours. */
  addresses(): readonly string[]
  /** Names of this machine besides `localhost`, for example `os.hostname()`. */
  readonly names: readonly string[]
}

/** What is protected at one port. */
interface PortGuard {
  everyLocalAddress: boolean
  readonly addresses: Set<string>
  readonly names: Set<string>
}

const LOOPBACK_V4: Network = { family: 4, value: 0x7f000000n, prefix: 8, text: '127.0.0.0/8' }
const LOOPBACK_V6 = '::1'
/** Dialling the unspecified address reaches this machine. */
const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

export function createProtectedTargets(local: LocalNames): ProtectedTargets {
  const localNames = new Set(local.names.map(bareName))
  let guards: ReadonlyMap<number, PortGuard> = new Map()

  const isProtected = (address: IpAddress, port: number): boolean => {
    const guard = guards.get(port)
    if (guard === undefined) return false
    if (guard.addresses.has(address.text)) return true
    if (UNSPECIFIED.has(address.text)) return guard.everyLocalAddress || [...guard.addresses].some((text) => isOwn(text, local))
    return guard.everyLocalAddress && isOwn(address.text, local)
  }

  return {
    protect: (endpoints) => {
      guards = guardsFor(endpoints)
    },
    isProtected,
    isProtectedName: (host, port) => {
      const guard = guards.get(port)
      if (guard === undefined) return false
      const address = parseIpAddress(host)
      if (address !== undefined) return isProtected(address, port)
      const name = bareName(host)
      return guard.names.has(name) || isLoopbackName(name) || localNames.has(name)
    },
  }
}

function guardsFor(endpoints: readonly Endpoint[]): Map<number, PortGuard> {
  const guards = new Map<number, PortGuard>()
  for (const { host, port } of endpoints) {
    const guard = guards.get(port) ?? { everyLocalAddress: false, addresses: new Set<string>(), names: new Set<string>() }
    guards.set(port, guard)
    const address = parseIpAddress(host)
    if (host === '' || (address !== undefined && UNSPECIFIED.has(address.text))) guard.everyLocalAddress = true
    else if (address !== undefined) guard.addresses.add(address.text)
    else addName(guard, bareName(host))
  }
  return guards
}

function addName(guard: PortGuard, name: string): void {
  guard.names.add(name)
  if (!isLoopbackName(name)) return
  guard.addresses.add('127.0.0.1')
  guard.addresses.add(LOOPBACK_V6)
}

function isOwn(text: string, local: LocalNames): boolean {
  const address = parseIpAddress(text)
  if (address === undefined) return false
  if (address.text === LOOPBACK_V6 || networkContains(LOOPBACK_V4, address)) return true
  return local.addresses().some((own) => parseIpAddress(own)?.text === address.text)
}

/** RFC 6761 §6.3: `localhost` and every name below it is this machine. */
function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost')
}

function bareName(host: string): string {
  const name = host.toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}
