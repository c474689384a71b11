/** A folder that goes with the test. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export function temporaryFolder(test: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'chaperone-test-'))
  test.after(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}
