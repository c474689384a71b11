/** A real redis-server on a Unix socket in a temporary folder, for as long as the test runs. */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { Redis } from 'ioredis'

import { freePort } from './free-port.ts'
import { hasProgram, skipFor } from './missed.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Plain commands, for the test's own eyes. */
  readonly client: Redis
  /** SIGSTOP, SIGCONT, or SIGKILL. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
  /** Kills it; the next start finds what it wrote, which is nothing unless asked for. */
  kill(): Promise<void>
  start(): Promise<void>
}

export interface RedisOptions {
  /** `redis.conf` settings, for example `['--appendonly', 'yes']`. */
  readonly settings?: readonly string[]
}

/** Skips the test aloud where there is no redis-server. */
export async function startRedis(test: TestContext, { settings = [] }: RedisOptions = {}): Promise<RedisServer | undefined> {
  if (!hasProgram('redis-server')) {
    skipFor(test, 'redis-server')
    return undefined
  }
  const dir = temporaryFolder(test)
  const path = join(dir, 'redis.sock')
  const port = await freePort()
  let server: ChildProcess | undefined
  const client = new Redis(path, { lazyConnect: true, retryStrategy: () => 50, maxRetriesPerRequest: null })
  client.on('error', () => undefined)
  const kill = async (): Promise<void> => {
    if (server?.exitCode === null && server.signalCode === null) {
      server.kill('SIGKILL')
      await once(server, 'exit')
    }
  }
  const start = async (): Promise<void> => {
    server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--unixsocket', path, '--save', '', '--dir', dir, '--daemonize', 'no', ...settings], { stdio: 'ignore' })
    await waitFor(() => isUp(path), 10_000)
  }
  test.after(async () => {
    client.disconnect()
    server?.kill('SIGCONT')
    await kill()
  })
  await start()
  await client.connect()
  return { url: `unix:${path}`, port, client, signal: (name) => server?.kill(name), kill, start }
}

async function isUp(path: string): Promise<boolean> {
  const probe = new Redis(path, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
  probe.on('error', () => undefined)
  try {
    await probe.connect()
    await probe.ping()
    return true
  } catch {
    return false
  } finally {
    probe.disconnect()
  }
}
