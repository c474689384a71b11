/** From the typed file to the frozen Config. Nothing is judged here any more. */

import type { IdentityRules } from '../model/agent.ts'
import type { Policy } from '../model/policy.ts'
import type { Config, ListenerSettings } from './config.ts'
import type { ConfigProblem } from './config-problem.ts'
import { DEFAULTS } from './defaults.ts'
import { fillIn } from './fill-in.ts'
import { freezeDeep } from './freeze-deep.ts'
import { parseListenAddress, parseNameServer, type ListenAddress } from './host-text.ts'
import { agentEntries, buildProfiles, type SecretsByProfile } from './profile-fields.ts'
import { readNetwork, readNetworks } from './read-network.ts'
import type { FileConfig } from './schema.ts'
import { SecretText } from './secret-text.ts'
import { surfacesOf } from './surfaces.ts'
import { writtenSettings } from './written-settings.ts'
import type { SourceDocument } from './yaml-source.ts'

export interface Checked {
  readonly file: FileConfig
  readonly source: SourceDocument
  /** Hex SHA-256 of the file's bytes, or `defaults`. */
  readonly hash: string
  readonly secrets: SecretsByProfile
  readonly warnings: readonly ConfigProblem[]
}

export function buildConfig({ file, source, hash, secrets, warnings }: Checked): Config {
  return freezeDeep({
    policy: buildPolicy(file, hash, secrets),
    identity: buildIdentity(file),
    listeners: buildListeners(file),
    admin: buildAdmin(file),
    recorder: buildRecorder(file),
    killSwitch: { ...(file.kill_switch?.sentinel_file !== undefined && { sentinelFile: file.kill_switch.sentinel_file }) },
    logging: buildLogging(file),
    connections: buildConnections(file),
    dns: buildDns(file),
    state: buildState(file),
    fetch: buildFetch(file),
    trustDomain: file.trust_domain ?? DEFAULTS.trust_domain,
    hash,
    source: source.file,
    warnings,
    written: writtenSettings(file, source),
  })
}

function buildAdmin({ admin }: FileConfig): Config['admin'] {
  const token = admin?.token
  return { listen: requireAddress(admin?.listen ?? DEFAULTS.admin.listen), ...(token !== undefined && { token: new SecretText(token) }) }
}

function buildFetch(file: FileConfig): Config['fetch'] {
  const fetchProxy = fillIn(DEFAULTS.fetch_proxy, file.fetch_proxy)
  return { timeoutMs: fetchProxy.timeout_seconds }
}

function buildPolicy(file: FileConfig, hash: string, secrets: SecretsByProfile): Policy {
  const limits = fillIn(DEFAULTS.limits, file.limits)
  const waits = fillIn(DEFAULTS.timeouts, file.timeouts)
  const fetchProxy = fillIn(DEFAULTS.fetch_proxy, file.fetch_proxy)
  const killSwitch = fillIn(DEFAULTS.kill_switch, file.kill_switch)
  const tunnels = fillIn(DEFAULTS.forward_proxy, file.forward_proxy)
  return {
    hash,
    profiles: buildProfiles(file, secrets),
    limits: {
      maxBodyBytes: limits.max_body_bytes,
      maxHeldBytes: limits.max_held_bytes,
      maxHeldResponseBytes: limits.max_held_response_bytes,
      maxRedirects: fetchProxy.redirect_limit,
    },
    timeouts: {
      dnsMs: waits.dns,
      connectMs: waits.connect,
      responseHeadMs: waits.response_head,
      fetchHeadMs: fetchProxy.timeout_seconds,
      responseIdleMs: waits.response_idle,
      requestIdleMs: waits.request_idle,
      tunnelIdleMs: tunnels.idle_timeout_seconds,
      tunnelMaxMs: tunnels.max_tunnel_seconds,
    },
    surfaces: surfacesOf(file),
    killSwitch: { enabled: killSwitch.enabled, agents: killSwitch.agents },
  }
}

function buildIdentity(file: FileConfig): IdentityRules {
  const rules = fillIn(DEFAULTS.identity, file.identity)
  const networks = agentEntries(file).flatMap(([profile, { source_cidrs: texts = [] }]) =>
    texts.flatMap((text) => {
      const network = readNetwork(text)
      return network === undefined ? [] : [{ network, profile }]
    }),
  )
  const owned = buildListeners(file).flatMap(({ address, profile }): [string, string][] => (profile === undefined ? [] : [[address, profile]]))
  return {
    listeners: new Map(owned),
    // Longest prefix first, so that the first match is the most specific one.
    networks: networks.sort((a, b) => b.network.prefix - a.network.prefix),
    trustedProxies: readNetworks(rules.trusted_proxies),
    forwarded: rules.forwarded,
    ...(file.default_agent_identity !== undefined && { operatorDefault: file.default_agent_identity }),
    unmatched: rules.unmatched,
  }
}

function buildListeners(file: FileConfig): ListenerSettings[] {
  const main = requireAddress(file.fetch_proxy?.listen ?? DEFAULTS.fetch_proxy.listen)
  const owned = agentEntries(file).flatMap(([profile, { listeners = [] }]) => listeners.map((text) => ({ ...toListener(requireAddress(text)), profile })))
  return [toListener(main), ...owned]
}

function toListener({ text, host, port }: ListenAddress): ListenerSettings {
  return { address: text, host, port }
}

function buildRecorder(file: FileConfig): Config['recorder'] {
  const { dir, signing_key_path: signingKeyPath } = file.flight_recorder ?? {}
  const recorder = fillIn(DEFAULTS.flight_recorder, file.flight_recorder)
  return {
    ...(dir !== undefined && { dir }),
    require: recorder.require,
    checkpointInterval: recorder.checkpoint_interval,
    maxEntriesPerFile: recorder.max_entries_per_file,
    retentionDays: recorder.retention_days,
    ...(signingKeyPath !== undefined && { signingKeyPath }),
    lowWaterBytes: recorder.min_free_bytes,
    signer: recorder.signer,
  }
}

function buildLogging(file: FileConfig): Config['logging'] {
  const logging = fillIn(DEFAULTS.logging, file.logging)
  return {
    output: logging.output,
    ...(file.logging?.file !== undefined && { file: file.logging.file }),
    includeAllowed: logging.include_allowed,
    includeBlocked: logging.include_blocked,
  }
}

function buildConnections(file: FileConfig): Config['connections'] {
  const limits = fillIn(DEFAULTS.limits, file.limits)
  const waits = fillIn(DEFAULTS.timeouts, file.timeouts)
  return {
    maxHeaderBytes: limits.max_header_bytes,
    maxHeaders: limits.max_headers,
    maxConnections: limits.max_connections,
    requestHeadMs: waits.request_head,
    keepAliveMs: waits.keep_alive,
    drainMs: waits.drain,
  }
}

function buildDns(file: FileConfig): Config['dns'] {
  const dns = fillIn(DEFAULTS.dns, file.dns)
  return {
    servers: dns.servers.flatMap((text) => parseNameServer(text) ?? []),
    hostsFile: dns.hosts_file,
    timeoutMs: file.timeouts?.dns ?? DEFAULTS.timeouts.dns,
    cacheMaxMs: dns.cache_seconds,
  }
}

function buildState(file: FileConfig): Config['state'] {
  const store = fillIn(DEFAULTS.budget_store, file.budget_store)
  return {
    ...(file.state !== undefined && { url: new SecretText(file.state) }),
    replicas: file.cluster?.replicas ?? DEFAULTS.cluster.replicas,
    onUnavailable: store.on_unavailable,
    namespace: store.namespace,
    timeoutMs: store.timeout,
    assumeNoEviction: store.assume_noeviction,
  }
}

/** @param text an address the schema has accepted */
function requireAddress(text: string): ListenAddress {
  const address = parseListenAddress(text)
  if (address === undefined) throw new TypeError('a listener address was built that had not been checked')
  return address
}
