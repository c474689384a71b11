/** What must hold between the addresses the companion listens at. */

import { fail, namedAgents, warn, type Findings } from './check-agents.ts'
import type { KeyPath } from './config-problem.ts'
import { DEFAULTS } from './defaults.ts'
import { isLoopback, listenersCollide, parseListenAddress, type ListenAddress } from './host-text.ts'
import { agentEntries } from './profile-fields.ts'
import type { FileConfig } from './schema.ts'

interface Bound {
  readonly path: KeyPath
  readonly address: ListenAddress
  /** Dotted words for messages. */
  readonly owner: string
}

export function checkListeners(file: FileConfig, findings: Findings): void {
  const bound = boundAddresses(file)
  for (const [at, later] of bound.entries()) {
    const earlier = bound.slice(0, at).find((each) => collide(each, later))
    if (earlier !== undefined) reportCollision(earlier, later, findings)
  }
  checkExposure(file, findings)
}

/** With port 0 the operating system chooses another port each time; but two agents' listeners of one name cannot be told apart. */
function collide(a: Bound, b: Bound): boolean {
  const isAdmin = a.owner === 'admin.listen' || b.owner === 'admin.listen'
  return !(isAdmin && a.address.port === 0) && listenersCollide(a.address, b.address)
}

function boundAddresses(file: FileConfig): Bound[] {
  const bound = (path: KeyPath, owner: string, text: string): Bound[] => {
    const address = parseListenAddress(text)
    return address === undefined ? [] : [{ path, owner, address }]
  }
  return [
    ...bound(['fetch_proxy', 'listen'], 'fetch_proxy.listen', file.fetch_proxy?.listen ?? DEFAULTS.fetch_proxy.listen),
    ...bound(['admin', 'listen'], 'admin.listen', file.admin?.listen ?? DEFAULTS.admin.listen),
    ...agentEntries(file).flatMap(([name, written]) =>
      (written.listeners ?? []).flatMap((text, at) => bound(['agents', name, 'listeners', at], `agents.${name}.listeners`, text)),
    ),
  ]
}

function reportCollision(earlier: Bound, later: Bound, findings: Findings): void {
  const { line } = findings.source.valueAt(earlier.path)
  const where = line === 0 ? 'by default' : `on line ${line}`
  // A default cannot be pointed at: the written one of the two carries the message.
  const path = findings.source.valueAt(later.path).line === 0 ? earlier.path : later.path
  const other = path === later.path ? `${earlier.address.text} of ${earlier.owner} ${where}` : `${later.address.text} of ${later.owner} by default`
  const own = path === later.path ? later : earlier
  fail(findings, path, `expected an address that is free, got ${own.address.text} against ${other}`)
}

function checkExposure(file: FileConfig, findings: Findings): void {
  const agents = parseListenAddress(file.fetch_proxy?.listen ?? DEFAULTS.fetch_proxy.listen)
  if (agents !== undefined && !isLoopback(agents) && namedAgents(file) === 0) {
    fail(findings, ['fetch_proxy', 'listen'], `expected a loopback address, or profiles under agents, got ${agents.text} and no profile: anyone could use the companion`)
  }
  const admin = parseListenAddress(file.admin?.listen ?? DEFAULTS.admin.listen)
  if (admin !== undefined && !isLoopback(admin)) warn(findings, ['admin', 'listen'], 'the admin API can be reached from other machines; only its token protects it')
}
