/** Which surfaces a file switches on: one answer for the data path and for the check of what it can observe. */

import type { Policy } from '../model/policy.ts'
import { DEFAULTS } from './defaults.ts'
import { fillIn } from './fill-in.ts'
import type { FileConfig } from './schema.ts'

export function surfacesOf(file: FileConfig): Policy['surfaces'] {
  const { enabled, connect } = fillIn(DEFAULTS.forward_proxy, file.forward_proxy)
  return { forward: enabled, connect: enabled && connect, fetch: file.fetch_proxy?.enabled ?? DEFAULTS.fetch_proxy.enabled }
}
