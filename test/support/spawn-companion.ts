/** A companion as a process whose configuration is the test's own to the last line, and of which everything is heard. */

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import { temporaryFolder } from './temporary-folder.ts'

const MAIN = fileURLToPath(new URL('../../bin/chaperone.js', import.meta.url))

export interface SpawnedCompanion {
  readonly dir: string
  /** 0 where it did not start. */
  readonly port: number
  /** Present where it ended instead of starting. */
  readonly exitCode?: number | null
  readonly stdout: () => string
  readonly stderr: () => string
  signal(name: NodeJS.Signals): void
}

/** @returns once it serves, or has ended. @param preload a CommonJS file that Node loads first */
export async function spawnCompanion(test: TestContext, config: string, { preload }: { preload?: string } = {}): Promise<SpawnedCompanion> {
  const dir = temporaryFolder(test)
  const file = join(dir, 'chaperone.yaml')
  writeFileSync(file, `fetch_proxy: {listen: "127.0.0.1:0"}\nadmin: {listen: "127.0.0.1:0"}\nssrf: {ip_allowlist: [127.0.0.0/8]}\n${config}`)
  const child = spawn(process.execPath, [...(preload === undefined ? [] : ['--require', preload]), MAIN, 'start', '--config', file, '--state-dir', join(dir, 'state')])
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  const gone = new Promise<number | null>((resolve) => child.once('close', resolve))
  test.after(async () => {
    child.kill('SIGKILL')
    await gone
  })
  const serves = new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
      if (stderr.includes('verify:')) resolve()
    })
  })
  const exitCode = await Promise.race([gone, serves])
  return {
    dir,
    port: Number(/agents: http:\/\/127\.0\.0\.1:([0-9]+)/.exec(stderr)?.[1] ?? 0),
    ...(exitCode !== undefined && { exitCode }),
    stdout: () => stdout,
    stderr: () => stderr,
    signal: (name) => child.kill(name),
  }
}
