#!/usr/bin/env node
/** The command line: compiled where it is published, from its sources in a checkout, always under Node 24 or later. */

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { isNewEnough, runUnderNode24 } from './node24.js'

const compiled = new URL('../dist/cli/main.js', import.meta.url)
const main = existsSync(compiled) ? compiled : new URL('../src/cli/main.ts', import.meta.url)

if (isNewEnough()) {
  const { runCommandLine } = await import(main.href)
  process.exitCode = await runCommandLine(process.argv.slice(2))
} else {
  runUnderNode24(fileURLToPath(import.meta.url), process.argv.slice(2))
}
