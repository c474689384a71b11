/**
 * Runs a Node program in a network namespace of its own that owns the addresses a test gives it, public ones included: what
 * listens there is reachable from the program and from nobody else, and nothing leaves the machine. Linux only.
 */

import { execFile, spawnSync } from 'node:child_process'

export interface NamespaceRun {
  /** Owned by the namespace's loopback interface, IPv4 or IPv6. */
  readonly addresses: readonly string[]
  /** Path of a script, run by the Node that runs the tests; its arguments follow. */
  readonly script: string
  readonly args?: readonly string[]
  readonly timeoutMs?: number
}

export interface NamespaceOutput {
  readonly stdout: string
  readonly stderr: string
  /** Exit code; -1 where a signal ended it. */
  readonly code: number
}

const DEFAULT_TIMEOUT_MS = 30_000
/** `$1` is the number of addresses that follow; the command comes after them. */
const SET_UP = `
set -e
ip link set lo up
count=$1; shift
while [ "$count" -gt 0 ]; do
  case "$1" in *:*) ip -6 addr add "$1/128" dev lo nodad ;; *) ip addr add "$1/32" dev lo ;; esac
  shift; count=$((count - 1))
done
exec "$@"`

/** As root without a user namespace: files keep their owners. Else as a mapped root. */
const UNSHARE = process.getuid?.() === 0 ? ['-n'] : ['-r', '-n']

/** @returns why no namespace can be made here, for `test(name, { skip })`; `undefined` where it can */
export function namespaceMissing(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  const probe = spawnSync('unshare', [...UNSHARE, 'sh', '-c', SET_UP, 'sh', '1', '203.0.113.1', 'true'], { encoding: 'utf8' })
  if (probe.status === 0) return undefined
  return `no network namespace here: ${(probe.error?.message ?? probe.stderr).trim() || `exit ${String(probe.status)}`}`
}

/** Never rejects for a program that fails: look at `code` and `stderr`. */
export function runInNamespace({ addresses, script, args = [], timeoutMs = DEFAULT_TIMEOUT_MS }: NamespaceRun): Promise<NamespaceOutput> {
  const command = [...UNSHARE, 'sh', '-c', SET_UP, 'sh', String(addresses.length), ...addresses, process.execPath, script, ...args]
  return new Promise((resolve) => {
    // NODE_TEST_CONTEXT would make a test file that is run as a script report to this process.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'NODE_TEST_CONTEXT'))
    execFile('unshare', command, { timeout: timeoutMs, killSignal: 'SIGKILL', env, encoding: 'utf8' }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ stdout, stderr, code })
    })
  })
}
