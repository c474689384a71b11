/**
 * The system's hosts file as a name table: read when it is opened and again when it has changed, in bounded size. Reading is
 * synchronous on purpose: a look-up never waits, and a file this small costs less than a task switch.
 */

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'

import { canonicalHost } from '../base/canonical-host.ts'
import type { Clock } from '../base/clock.ts'
import { parseIpAddress, type IpAddress } from '../base/ip-address.ts'

export interface HostsFile {
  /**
   * @param name canonical, without a trailing dot
   * @returns its addresses, IPv4 before IPv6, each in the order of the file; `undefined` where the file does not name it
   */
  lookup(name: string): readonly IpAddress[] | undefined
}

const MAX_FILE_BYTES = 1_048_576
const MAX_NAMES = 20_000
const MAX_ADDRESSES_PER_NAME = 16
/** How often the file is looked at for a change. */
const CHECK_INTERVAL_MS = 1000

type HostTable = ReadonlyMap<string, readonly IpAddress[]>

/**
 * Opens a hosts file. One that does not exist is empty; one that cannot be read keeps what was last read. Beyond 1 MiB or
 * 20,000 names it is not read further: such names are asked of the DNS, and their addresses checked as ever.
 */
export function openHostsFile(path: string, clock: Clock): HostsFile {
  let table: HostTable = new Map()
  let version = ''
  let checkAtMs = Number.NEGATIVE_INFINITY

  function refresh(): void {
    const current = versionOf(path)
    if (current === undefined || current === version) return
    const text = current === ABSENT ? '' : readText(path)
    if (text === undefined) return
    table = parseHosts(text)
    version = current
  }

  return {
    lookup: (name) => {
      const nowMs = clock.monotonicMs()
      if (nowMs >= checkAtMs) {
        checkAtMs = nowMs + CHECK_INTERVAL_MS
        refresh()
      }
      return table.get(name)
    },
  }
}

/** Reads `address name name … # comment` lines. Lines that hold no address, a zone, or a name that is none are passed over. */
export function parseHosts(text: string): HostTable {
  const table = new Map<string, IpAddress[]>()
  for (const line of text.split('\n')) {
    const [addressText = '', ...names] = line.replace(/#.*$/s, '').trim().split(/\s+/)
    const address = parseIpAddress(addressText)
    if (address === undefined || addressText.includes('%')) continue
    for (const name of names) addName(table, name, address)
  }
  // Stable: within a family the order of the file is kept.
  for (const addresses of table.values()) addresses.sort((a, b) => a.family - b.family)
  return table
}

function addName(table: Map<string, IpAddress[]>, name: string, address: IpAddress): void {
  const host = canonicalHost(name)
  if (host === undefined || parseIpAddress(host) !== undefined) return
  const addresses = table.get(host)
  if (addresses === undefined) {
    if (table.size < MAX_NAMES) table.set(host, [address])
  } else if (addresses.length < MAX_ADDRESSES_PER_NAME && addresses.every(({ text }) => text !== address.text)) {
    addresses.push(address)
  }
}

const ABSENT = 'absent'

/** @returns a text that differs where the file was replaced or changed; `undefined` where that cannot be told */
function versionOf(path: string): string | undefined {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
    return stat === undefined ? ABSENT : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`
  } catch {
    return undefined
  }
}

function readText(path: string): string | undefined {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    // A pipe or a device in its place would block, or never end.
    if (!fstatSync(file).isFile()) return undefined
    const buffer = Buffer.alloc(MAX_FILE_BYTES)
    const bytes = readFully(file, buffer)
    // At the limit the last line may be half a line: half a name is another name.
    const end = bytes < MAX_FILE_BYTES ? bytes : buffer.lastIndexOf(0x0a) + 1
    return buffer.toString('utf8', 0, end)
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function readFully(file: number, buffer: Buffer): number {
  let filled = 0
  while (filled < buffer.length) {
    const bytes = readSync(file, buffer, filled, buffer.length - filled, filled)
    if (bytes === 0) break
    filled += bytes
  }
  return filled
}
