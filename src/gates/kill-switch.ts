/**
 * The kill switch: on while any of its sources is on, for everyone or for one profile. A source is switched off by itself
 * alone, and a reload touches the configuration's own only.
 */

export type KillSwitchSource = 'config' | 'signal' | 'sentinel' | 'admin'

export interface KillSwitchChange {
  readonly source: KillSwitchSource
  /** `*`: everyone; else the name of a profile. */
  readonly scope: string
  readonly active: boolean
}

export interface KillSwitchSnapshot {
  readonly global: readonly KillSwitchSource[]
  readonly agents: Readonly<Record<string, readonly KillSwitchSource[]>>
}

export interface KillSwitch {
  /** @returns the sources that stop this profile, or `undefined` where none does */
  isOn(profileName: string): readonly KillSwitchSource[] | undefined
  /** @param agent one profile; absent: everyone. The caller has checked that it is configured, which bounds the state. */
  set(source: KillSwitchSource, active: boolean, agent?: string): void
  /** Turns a source round for everyone: what a signal does, which carries no value. */
  toggle(source: KillSwitchSource): void
  /** Takes over what the configuration says, and nothing else: other sources stay as they are. */
  applyConfig(configured: { readonly enabled: boolean; readonly agents: readonly string[] }): void
  /** Called synchronously, after the whole state has changed, and only when it has. @returns how to stop listening */
  onChange(listener: (change: KillSwitchChange) => void): () => void
  snapshot(): KillSwitchSnapshot
}

const EVERYONE = '*'
/** Order in which sources are named. */
const SOURCES: readonly KillSwitchSource[] = ['config', 'signal', 'sentinel', 'admin']

export function createKillSwitch(): KillSwitch {
  const scopes = new Map<string, ReadonlySet<KillSwitchSource>>()
  const listeners = new Set<(change: KillSwitchChange) => void>()
  const isActive = (scope: string, source: KillSwitchSource): boolean => scopes.get(scope)?.has(source) ?? false

  const change = (scope: string, source: KillSwitchSource, active: boolean): KillSwitchChange[] => {
    if (isActive(scope, source) === active) return []
    replaceSources(scopes, scope, SOURCES.filter((each) => (each === source ? active : isActive(scope, each))))
    return [{ source, scope, active }]
  }

  return {
    isOn: (profileName) => (scopes.size === 0 ? undefined : sourcesFor(scopes, profileName)),
    set: (source, active, agent) => {
      tellAll(listeners, change(agent ?? EVERYONE, source, active))
    },
    toggle: (source) => {
      tellAll(listeners, change(EVERYONE, source, !isActive(EVERYONE, source)))
    },
    applyConfig: ({ enabled, agents }) => {
      const wanted = new Set([...agents, ...(enabled ? [EVERYONE] : [])])
      const changes = [...new Set([...wanted, ...scopes.keys()])].flatMap((scope) => change(scope, 'config', wanted.has(scope)))
      tellAll(listeners, changes)
    },
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    snapshot: () => ({
      global: [...(scopes.get(EVERYONE) ?? [])],
      agents: Object.fromEntries([...scopes].filter(([scope]) => scope !== EVERYONE).map(([scope, sources]) => [scope, [...sources]])),
    }),
  }
}

function replaceSources(scopes: Map<string, ReadonlySet<KillSwitchSource>>, scope: string, sources: readonly KillSwitchSource[]): void {
  if (sources.length === 0) scopes.delete(scope)
  else scopes.set(scope, new Set(sources))
}

function sourcesFor(scopes: ReadonlyMap<string, ReadonlySet<KillSwitchSource>>, profileName: string): readonly KillSwitchSource[] | undefined {
  const everyone = scopes.get(EVERYONE)
  const own = scopes.get(profileName)
  if (everyone === undefined && own === undefined) return undefined
  return SOURCES.filter((source) => (everyone?.has(source) ?? false) || (own?.has(source) ?? false))
}

/** Every listener hears everything, even where one fails: the one that cuts streams must not depend on the one that logs. */
function tellAll(listeners: ReadonlySet<(change: KillSwitchChange) => void>, changes: readonly KillSwitchChange[]): void {
  const failures: unknown[] = []
  for (const change of changes) {
    for (const listener of listeners) {
      try {
        listener(change)
      } catch (thrown) {
        failures.push(thrown)
      }
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'kill switch: a listener failed')
}
