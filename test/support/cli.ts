/** Runs the command line as a process, through the launcher that users start, under a Node of choice. */

import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const LAUNCHER = fileURLToPath(new URL('../../bin/chaperone.js', import.meta.url))

export interface CliRun {
  /** Exit code; -1 where a signal ended it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  /** Path of the Node binary; the one that runs the tests unless told otherwise. */
  readonly node?: string
  readonly cwd?: string
  /** On top of this process's environment. */
  readonly env?: Readonly<Record<string, string>>
}

const TIMEOUT_MS = 30_000
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024
const OLD_MAJORS = [18, 20, 22]

/** Never rejects for a command that fails: look at `code`. */
export function runCli(args: readonly string[], { node = process.execPath, cwd, env }: CliOptions = {}): Promise<CliRun> {
  return new Promise((resolve) => {
    const options = { cwd, env: { ...process.env, ...env }, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES, encoding: 'utf8' as const }
    execFile(node, [LAUNCHER, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, stdout, stderr })
    })
  })
}

/** @returns the path of a Node on this machine that is too old to run the product itself */
export function findOldNode(): string | undefined {
  for (const folder of new Set([...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'])) {
    const path = join(folder, 'node')
    if (existsSync(path) && OLD_MAJORS.includes(majorOf(path))) return path
  }
  return undefined
}

function majorOf(node: string): number {
  try {
    return Number(execFileSync(node, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' }))
  } catch {
    return 0
  }
}
