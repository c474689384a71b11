/** Says aloud that a test cannot run here, so that the suite's closing lines name it. */

import { appendFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import type { TestContext } from 'node:test'

/** Skips the test. @param what the program or right that is missing, for example `strace` */
export function skipFor(test: TestContext, what: string): void {
  const file = process.env['CHAPERONE_MISSED_FILE']
  if (file !== undefined) appendFileSync(file, `${what}: ${test.name}\n`)
  test.skip(`missing: ${what}`)
}

/** @returns whether the program is on the path */
export function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0
}
