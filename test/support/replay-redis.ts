/** A Redis server of one test: a process of its own on a free port, that can be stopped, restarted, frozen and looked into. */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'

import { Redis } from 'ioredis'

import { freePort } from './free-port.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

export interface RedisServer {
  readonly url: string
  /** A client beside the one under test. */
  command(name: string, ...args: (string | number)[]): Promise<unknown>
  /** Ends the process without saving, and starts one with the same files. */
  restart(options?: { readonly empty?: boolean }): Promise<void>
  stop(): Promise<void>
  freeze(): void
  thaw(): void
}

/** @param args for the command line of the server, for example `--appendonly yes` */
export async function startRedis(test: TestContext, ...args: readonly string[]): Promise<RedisServer> {
  const port = await freePort()
  const folder = temporaryFolder(test)
  const url = `redis://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  const start = async (more: readonly string[] = []): Promise<void> => {
    child = spawn('redis-server', ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '', ...args, ...more], { stdio: 'ignore' })
    await waitFor(() => answers(url))
  }
  const stop = async (): Promise<void> => {
    const running = child
    child = undefined
    if (running?.exitCode !== null || running.signalCode !== null) return
    running.kill('SIGKILL')
    await once(running, 'exit')
  }
  test.after(stop)
  await start()
  return {
    url,
    command: async (name, ...rest) => withClient(url, (client) => client.call(name, ...rest)),
    restart: async ({ empty = false } = {}) => {
      if (empty) await withClient(url, (client) => client.call('FLUSHALL'))
      await stop()
      await start()
    },
    stop,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    await withClient(url, (client) => client.ping())
    return true
  } catch {
    return false
  }
}

async function withClient<T>(url: string, act: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null, connectTimeout: 1000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await act(client)
  } finally {
    client.disconnect()
  }
}
