/** What is in force, key by key and profile by profile, and where each value came from. */

import { DEFAULT_PROFILE } from '../model/agent.ts'
import type { Profile } from '../model/policy.ts'
import { blindSpot, SAME_AXIS } from './check-budgets.ts'
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
  /** What a surface cannot observe of a limit, or which other key took its place. */
  readonly note?: string
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

const BUDGET = 'budget.'

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

function explainOwn(row: ConfigKey, profile: Profile, config: Config): ExplainedSetting {
  const { written } = config
  const name = row.key.slice(`agents.${ANY_AGENT}.`.length)
  const key = dottedPath(['agents', profile.name, ...name.split('.')])
  const own = written.get(key)
  const topKey = TOP_LEVEL_NAME.get(name) ?? name
  const other = supersededBy(name, profile, written)
  if (other !== undefined) return { key, value: settingText(undefined, row), origin: { from: 'default' }, note: `${other} is in force` }
  const merged = MERGED.get(name)?.(profile)
  if (own !== undefined) return { key, value: settingText(merged ?? own.value, row), origin: { from: 'file', line: own.line }, ...noteOn(name, own.value, config) }
  const inherited = written.get(topKey)
  const value = merged ?? inherited?.value ?? findKey(topKey)?.default
  return { key, value: settingText(value, row), origin: inheritedFrom(topKey, inherited), ...noteOn(name, value, config) }
}

function noteOn(name: string, value: unknown, { policy }: Config): { note?: string } {
  const blind = name.startsWith(BUDGET) ? blindSpot(name.slice(BUDGET.length), value, policy.surfaces) : undefined
  return blind === undefined ? {} : { note: `in part: ${blind.words}` }
}

/** @returns the key of the same axis that a nearer level sets, or `undefined` */
function supersededBy(name: string, { name: agent }: Profile, written: Config['written']): string | undefined {
  const pair = SAME_AXIS.find((names) => names.some((one) => name === BUDGET + one))
  const other = pair?.map((one) => BUDGET + one).find((one) => one !== name)
  if (other === undefined) return undefined
  const nearness = (key: string): number => (written.has(dottedPath(['agents', agent, ...key.split('.')])) ? 2 : Number(written.has(key)))
  return nearness(other) > nearness(name) ? other : undefined
}

/** Listeners and networks have no top-level key: a profile either has its own or none. */
function inheritedFrom(topKey: string, inherited: WrittenSetting | undefined): SettingOrigin {
  if (findKey(topKey) === undefined) return { from: 'default' }
  return inherited === undefined ? { from: 'inherited' } : { from: 'inherited', line: inherited.line }
}
