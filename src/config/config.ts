/** The configuration as the program reads it: frozen, complete, with units in the names. Files and keys stay behind. */

import type { IdentityRules } from '../model/agent.ts'
import type { Policy } from '../model/policy.ts'
import type { ConfigProblem } from './config-problem.ts'
import type { ListenAddress } from './host-text.ts'
import type { SecretText } from './secret-text.ts'

export interface Config {
  readonly policy: Policy
  readonly identity: IdentityRules
  /** The agents' listeners; the first is the one of `fetch_proxy.listen` and has no profile. */
  readonly listeners: readonly ListenerSettings[]
  readonly admin: AdminSettings
  readonly recorder: RecorderSettings
  readonly killSwitch: { readonly sentinelFile?: string }
  readonly logging: LoggingSettings
  readonly connections: ConnectionSettings
  readonly dns: DnsSettings
  readonly state: StateSettings
  readonly fetch: FetchSettings
  /** SPIFFE trust domain of the agents' names. */
  readonly trustDomain: string
  /** Hex SHA-256 of the file's bytes, or `defaults`. */
  readonly hash: string
  /** Path of the file as given, or `defaults`. */
  readonly source: string
  /** What weakens the protection or has no effect. Loading went on; the operator should know. */
  readonly warnings: readonly ConfigProblem[]
  /** What the file says, by dotted key, in the form of the parsed file; secrets as SecretText. */
  readonly written: ReadonlyMap<string, WrittenSetting>
}

export interface WrittenSetting {
  readonly value: unknown
  readonly line: number
}

/** `address` is the canonical text under which a Connection names the listener. */
export interface ListenerSettings {
  readonly address: string
  readonly host: string
  readonly port: number
  /** Profile of everyone who calls here. */
  readonly profile?: string
}

export interface AdminSettings {
  readonly listen: ListenAddress
  /** Absent: the token file of the state folder. */
  readonly token?: SecretText
}

export interface RecorderSettings {
  /** Absent: `receipts/` in the state folder. */
  readonly dir?: string
  readonly require: 'durable' | 'buffered'
  readonly checkpointInterval: number
  readonly maxEntriesPerFile: number
  /** 0 = for ever. */
  readonly retentionDays: number
  /** Absent: the key of the state folder. */
  readonly signingKeyPath?: string
  /** Free bytes below which nothing is forwarded; 0 = not looked at. */
  readonly lowWaterBytes: number
  readonly signer: 'auto' | 'node' | 'sodium'
}

export interface LoggingSettings {
  readonly output: 'stdout' | 'stderr' | 'file'
  /** Present exactly with `output: file`. */
  readonly file?: string
  readonly includeAllowed: boolean
  readonly includeBlocked: boolean
}

/** The agents' side of the wire. */
export interface ConnectionSettings {
  readonly maxHeaderBytes: number
  readonly maxHeaders: number
  readonly maxConnections: number
  readonly requestHeadMs: number
  readonly keepAliveMs: number
  readonly drainMs: number
}

export interface DnsSettings {
  /** `address:port`; empty: the system's. */
  readonly servers: readonly string[]
  readonly hostsFile: string
  readonly timeoutMs: number
  /** Cap on an answer's time to live; 0 = not kept. */
  readonly cacheMaxMs: number
}

/** Where budgets are kept. */
export interface StateSettings {
  /** Of the shared store; absent: the state folder of this companion. */
  readonly url?: SecretText
  readonly replicas: number
  readonly onUnavailable: 'fail_closed' | 'local_share'
  readonly namespace: string
  readonly timeoutMs: number
  readonly assumeNoEviction: boolean
}

export interface FetchSettings {
  /** From a request to /fetch to the head of its answer, redirects included. */
  readonly timeoutMs: number
}
