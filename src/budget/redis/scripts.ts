/** The scripts of the shared store, each whole, with the digest that the store calls it by. */

import { createHash } from 'node:crypto'

import { LUA_KEYS } from './lua-keys.ts'
import { LUA_CHANGE, LUA_READ, LUA_RENEW, LUA_RESERVE, LUA_SETTLE } from './lua-operations.ts'
import { LUA_PRELUDE } from './lua-prelude.ts'
import { LUA_SESSION } from './lua-session.ts'
import { LUA_SETS } from './lua-sets.ts'
import { LUA_SUMS } from './lua-sums.ts'

export interface Script {
  readonly text: string
  readonly digest: string
}

function script(operation: string): Script {
  const text = [LUA_PRELUDE, LUA_SUMS, LUA_SETS, LUA_KEYS, LUA_SESSION, operation].join('\n')
  return { text, digest: createHash('sha1').update(text).digest('hex') }
}

export const SCRIPTS = {
  reserve: script(LUA_RESERVE),
  settle: script(LUA_SETTLE),
  renew: script(LUA_RENEW),
  read: script(LUA_READ),
  change: script(LUA_CHANGE),
} as const

export type ScriptName = keyof typeof SCRIPTS
