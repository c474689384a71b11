#!/usr/bin/env node
/**
 * The command line, always under Node 24 or later: from its sources in a checkout, also where a build lies beside them that
 * may be older; compiled where it is published, since the package holds no sources.
 */

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { isNewEnough, runUnderNode24 } from './node24.js'

const sources = new URL('../src/cli/main.ts', import.meta.url)
const main = existsSync(sources) ? sources : new URL('../dist/cli/main.js', import.meta.url)

if (isNewEnough()) {
  const { runCommandLine } = await import(main.href)
  process.exitCode = await runCommandLine(process.argv.slice(2))
} else {
  runUnderNode24(fileURLToPath(import.meta.url), process.argv.slice(2))
}
