/** The one way in which tests reach material that is kept outside the project (vectors, judge cases). */

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SHARED = new URL('../../../shared/', import.meta.url)

/** @returns the path of something in the shared folder, or `undefined` where the checkout has none beside it: skip aloud then */
export function sharedFolder(...parts: string[]): string | undefined {
  const path = fileURLToPath(new URL(parts.join('/'), SHARED))
  return existsSync(path) ? path : undefined
}
