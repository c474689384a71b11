/** What is in force, key by key and profile by profile, and where each value came from. */

import { DEFAULT_PROFILE } from '../model/agent.ts'
import type { Profile } from '../model/policy.ts'
import type { Config, WrittenSetting } from './config.ts'
import { dottedPath } from './config-problem.ts'
import { ANY_AGENT, findKey, listKeys, type ConfigKey } from './keys.ts'
import { settingText } from './setting-text.ts'

export interface ExplainedSetting {
  /** Dotted, as it would stand in the file: `timeouts.dns`, `agents.ci.mode`. */
  readonly key: string
  /** With its unit; secrets as `[redacted]`, own patterns by name. */
  readonly value: string
  readonly origin: SettingOrigin
}

/** `inherited`: the profile does not say, the top level does (`line`), or nobody does (no `line`). */
export interface SettingOrigin {
  readonly from: 'file' | 'default' | 'inherited'
  /** Line of the file, from 1. */
  readonly line?: number
}

/** Top-level key that a key of a profile inherits from, where the names differ. */
const TOP_LEVEL_NAME: ReadonlyMap<string, string> = new Map([
  ['blocklist', 'fetch_proxy.monitoring.blocklist'],
  ['max_connections', 'limits.max_connections_per_profile'],
])

/** Values that are merged rather than taken from one place, read off the profile in force. */
const MERGED: ReadonlyMap<string, (profile: Profile) => unknown> = new Map([['dlp.patterns', ({ dlp }: Profile) => dlp.patterns]])

/** @returns the keys of the top level in the order of the reference, then those of every profile, `_default` first */
export function explainConfig(config: Config): readonly ExplainedSetting[] {
  const top = listKeys().filter(({ key }) => !key.startsWith('agents.'))
  const ofProfile = listKeys().filter(({ key }) => key.startsWith('agents.'))
  const profiles = [...config.policy.profiles.values()].sort((a, b) => Number(b.name === DEFAULT_PROFILE) - Number(a.name === DEFAULT_PROFILE))
  return [
    ...top.map((row) => explainTop(row, config)),
    ...profiles.flatMap((profile) => ofProfile.map((row) => explainOwn(row, profile, config))),
  ]
}

function explainTop(row: ConfigKey, { written }: Config): ExplainedSetting {
  const setting = written.get(row.key)
  if (setting === undefined) return { key: row.key, value: settingText(row.default, row), origin: { from: 'default' } }
  return { key: row.key, value: settingText(setting.value, row), origin: { from: 'file', line: setting.line } }
}

function explainOwn(row: ConfigKey, profile: Profile, { written }: Config): ExplainedSetting {
  const name = row.key.slice(`agents.${ANY_AGENT}.`.length)
  const key = dottedPath(['agents', profile.name, ...name.split('.')])
  const own = written.get(key)
  const topKey = TOP_LEVEL_NAME.get(name) ?? name
  const merged = MERGED.get(name)?.(profile)
  if (own !== undefined) return { key, value: settingText(merged ?? own.value, row), origin: { from: 'file', line: own.line } }
  const inherited = written.get(topKey)
  const value = merged ?? inherited?.value ?? findKey(topKey)?.default
  return { key, value: settingText(value, row), origin: inheritedFrom(topKey, inherited) }
}

/** Listeners and networks have no top-level key: a profile either has its own or none. */
function inheritedFrom(topKey: string, inherited: WrittenSetting | undefined): SettingOrigin {
  if (findKey(topKey) === undefined) return { from: 'default' }
  return inherited === undefined ? { from: 'inherited' } : { from: 'inherited', line: inherited.line }
}
