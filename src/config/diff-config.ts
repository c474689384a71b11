/** What a reload changes at once, and what keeps its old value until the companion is restarted. */

import { isDeepStrictEqual } from 'node:util'
import type { Config, WrittenSetting } from './config.ts'
import { freezeDeep } from './freeze-deep.ts'
import { ANY_AGENT, findKey, type ConfigKey } from './keys.ts'
import { SecretText } from './secret-text.ts'
import { settingText } from './setting-text.ts'

export interface ConfigChange {
  /** Dotted key as it stands in the file. */
  readonly key: string
  /** Old and new value as text; secrets as `[redacted]`. */
  readonly from: string
  readonly to: string
}

export interface ConfigDiff {
  readonly applied: readonly ConfigChange[]
  /** Changed in the file, kept as they were in `effective`. */
  readonly needRestart: readonly ConfigChange[]
  /** What the running companion should swap to: the new policy over the old sockets, folders and clients. */
  readonly effective: Config
}

export function diffConfig(old: Config, next: Config): ConfigDiff {
  const keys = new Set([...old.written.keys(), ...next.written.keys()])
  const changes = [...keys].flatMap((key) => changeOf(key, old, next))
  const needRestart = changes.filter(({ row }) => row.applies === 'restart')
  return {
    applied: changes.filter(({ row }) => row.applies === 'reload').map(toChange),
    needRestart: needRestart.map(toChange),
    effective: freezeDeep(keepUntilRestart(old, next)),
  }
}

/** @returns one line for the operator: `admin.listen: 127.0.0.1:8889 stays until a restart (the file says 127.0.0.1:9000)` */
export function formatRestart({ key, from, to }: ConfigChange): string {
  return `${key}: ${from} stays until a restart (the file says ${to})`
}

type ConfigChangeOfRow = ConfigChange & { readonly row: ConfigKey }

function changeOf(key: string, old: Config, next: Config): ConfigChangeOfRow[] {
  const row = findKey(genericKey(key))
  if (row === undefined) return []
  const [before, after] = [old, next].map(({ written }) => (written.has(key) ? written.get(key)?.value : row.default))
  return isSame(before, after) ? [] : [{ key, from: settingText(before, row), to: settingText(after, row), row }]
}

function toChange({ key, from, to }: ConfigChangeOfRow): ConfigChange {
  return { key, from, to }
}

function isSame(before: unknown, after: unknown): boolean {
  if (before instanceof SecretText && after instanceof SecretText) return before.equals(after)
  return isDeepStrictEqual(before, after)
}

/** `agents.ci.mode` and `agents["a.b"].mode` are both `agents.<name>.mode`. */
function genericKey(key: string): string {
  return key.replace(/^agents(?:\.[^.[]+|\["[^"]*"\])\./, `agents.${ANY_AGENT}.`)
}

/**
 * A profile that went away may leave a listener of its own open until the restart. Its callers then name a profile that
 * the policy no longer has, and are refused: the listener keeps its owner rather than fall to another profile.
 */
function keepUntilRestart(old: Config, next: Config): Config {
  return {
    ...next,
    policy: { ...next.policy, timeouts: { ...next.policy.timeouts, dnsMs: old.policy.timeouts.dnsMs } },
    identity: { ...next.identity, listeners: old.identity.listeners },
    listeners: old.listeners,
    admin: old.admin,
    recorder: old.recorder,
    killSwitch: old.killSwitch,
    logging: { ...old.logging, includeAllowed: next.logging.includeAllowed, includeBlocked: next.logging.includeBlocked },
    connections: old.connections,
    dns: old.dns,
    state: old.state,
    trustDomain: old.trustDomain,
    written: writtenInForce(old, next),
  }
}

/** What the old file says of keys that need a restart, what the new one says of all others: so a later diff still tells of them. */
function writtenInForce(old: Config, next: Config): Map<string, WrittenSetting> {
  const needsRestart = ([key]: readonly [string, WrittenSetting]): boolean => findKey(genericKey(key))?.applies === 'restart'
  return new Map([...[...next.written].filter((entry) => !needsRestart(entry)), ...[...old.written].filter(needsRestart)])
}
