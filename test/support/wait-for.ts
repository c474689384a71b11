/** Waits for something that happens soon, and fails where it does not. */

import assert from 'node:assert/strict'

const STEP_MS = 20

export async function waitFor(condition: () => boolean | Promise<boolean>, withinMs = 5000): Promise<void> {
  for (let waited = 0; waited < withinMs; waited += STEP_MS) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, STEP_MS))
  }
  assert.fail(`the condition did not hold within ${withinMs} ms`)
}
