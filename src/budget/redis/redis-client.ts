/**
 * The connection to Redis/Valkey: loaded only when a shared store is configured, refuses commands until the store was
 * looked at, and after the first command that is late takes the connection for dead. Knows nothing of budgets.
 */

import type { Redis } from 'ioredis'

import { SCRIPTS, type ScriptName } from './scripts.ts'
import { StoreError } from './store-error.ts'

/** What a store says of itself on a new connection. */
export interface StoreFacts {
  readonly runId: string
  readonly isReplica: boolean
  /** undefined where the store does not let it be read. */
  readonly evictionPolicy: string | undefined
  /** The hash `{<namespace>}:epoch`. */
  readonly epoch: Readonly<Record<string, string>>
}

export interface RedisClientOptions {
  /** `redis://`, `rediss://` with user and password, or a `unix:` path. */
  readonly url: string
  readonly epochKey: string
  /** For a command. */
  readonly timeoutMs: number
  /** Looks at a store before anything is sent to it. @returns whether it is to be used */
  readonly admit: (facts: StoreFacts) => Promise<boolean>
}

export interface RedisClient {
  readonly isOpen: boolean
  /** @throws {StoreError} where there is no answer in time; whether it was executed is unknown then */
  run(name: ScriptName, keys: readonly string[], values: readonly (string | number)[]): Promise<readonly unknown[]>
  /** Plain commands of rare operations. @throws {StoreError} */
  call(command: string, ...values: readonly (string | number)[]): Promise<unknown>
  /** Resolves when the first connection was looked at, or after `ms`. */
  firstLook(ms: number): Promise<void>
  close(): Promise<void>
}

const RECONNECT_MS = 100
const MAX_RECONNECT_MS = 1000
/** Turns of the event loop, each of which reads what the socket has. */
const READS_BEFORE_BLAME = 3
/** A connection may take so many times as long as a command. */
const CONNECT_TIMEOUTS = 4

/** @throws {StoreError} where ioredis is not installed or the URL is none */
export async function createRedisClient(options: RedisClientOptions): Promise<RedisClient> {
  return new Connection(await connect(options), options)
}

class Connection implements RedisClient {
  readonly #redis: Redis
  readonly #options: RedisClientOptions
  readonly #firstLook: Promise<void>
  #isOpen = false

  constructor(redis: Redis, options: RedisClientOptions) {
    this.#redis = redis
    this.#options = options
    // Its text can hold what was sent; the state says enough.
    redis.on('error', () => undefined)
    redis.on('close', () => {
      this.#isOpen = false
    })
    this.#firstLook = new Promise((resolve) => {
      redis.on('ready', () => {
        void this.#look().then(resolve)
      })
    })
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  async run(name: ScriptName, keys: readonly string[], values: readonly (string | number)[]): Promise<readonly unknown[]> {
    const { text, digest } = SCRIPTS[name]
    const rest = [keys.length, ...keys, ...values]
    try {
      return asList(await this.#send('EVALSHA', [digest, ...rest]))
    } catch (error) {
      if (!isReply(error) || !error.message.startsWith('NOSCRIPT')) return asStoreError(error)
    }
    return asList(await this.call('EVAL', text, ...rest))
  }

  async call(command: string, ...values: readonly (string | number)[]): Promise<unknown> {
    return this.#send(command, values).catch(asStoreError)
  }

  firstLook(ms: number): Promise<void> {
    return Promise.race([this.#firstLook, new Promise<void>((resolve) => setTimeout(resolve, ms).unref())])
  }

  close(): Promise<void> {
    this.#isOpen = false
    this.#redis.disconnect()
    return Promise.resolve()
  }

  async #send(command: string, values: readonly (string | number)[]): Promise<unknown> {
    try {
      return await within(this.#redis.call(command, ...values), this.#options.timeoutMs)
    } catch (error) {
      if (isReply(error)) throw error
      // What comes late would answer a command that nobody waits for any more: begin anew, and look again.
      if (this.#isOpen) this.#redis.disconnect(true)
      this.#isOpen = false
      throw new StoreError('the store does not answer')
    }
  }

  async #look(): Promise<void> {
    const isAdmitted = await within(look(this.#redis, this.#options), this.#options.timeoutMs * CONNECT_TIMEOUTS).catch(() => false)
    this.#isOpen = isAdmitted && this.#redis.status === 'ready'
    // A replica may become a master, a policy may be mended, a store that is slow may wake up.
    if (!isAdmitted && this.#redis.status === 'ready') setTimeout(() => { this.#redis.disconnect(true) }, MAX_RECONNECT_MS).unref()
  }
}

/**
 * Gives up waiting after `timeoutMs`. Where it is our own event loop that is late, the answer lies in the socket already:
 * what has arrived is read before the store is blamed.
 */
function within<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    let polls = READS_BEFORE_BLAME
    const giveUp = (): void => {
      if (polls-- > 0) setImmediate(giveUp)
      else reject(new StoreError('the store does not answer in time'))
    }
    const timer = setTimeout(giveUp, timeoutMs)
    answer.then(resolve, reject).finally(() => {
      polls = 0
      clearTimeout(timer)
    })
  })
}

async function connect({ url, timeoutMs }: RedisClientOptions): Promise<Redis> {
  const isSocket = url.startsWith('unix:/')
  if (!isSocket && !(URL.canParse(url) && /^rediss?:\/\//.test(url))) throw new StoreError('expected a URL that begins with redis://, rediss:// or unix:/')
  let library
  try {
    library = await import('ioredis')
  } catch {
    throw new StoreError('a shared store needs the package ioredis, which is not installed: npm install ioredis')
  }
  return new library.Redis(isSocket ? url.slice('unix:'.length) : url, {
    connectTimeout: timeoutMs * CONNECT_TIMEOUTS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(MAX_RECONNECT_MS, times * RECONNECT_MS),
  })
}

async function look(redis: Redis, { epochKey, admit }: RedisClientOptions): Promise<boolean> {
  const server = await redis.info('server')
  const replication = await redis.info('replication')
  const facts: StoreFacts = {
    runId: /^run_id:(\w+)/m.exec(server)?.[1] ?? '',
    isReplica: !/^role:master/m.test(replication),
    evictionPolicy: await redis.config('GET', 'maxmemory-policy').then(policyOf, () => undefined),
    epoch: await redis.hgetall(epochKey),
  }
  return admit(facts)
}

function policyOf(reply: unknown): string | undefined {
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : undefined
}

/** Whether the store answered, if only to refuse. */
function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

function asStoreError(error: unknown): never {
  if (error instanceof StoreError) throw error
  // The first word of a reply is its kind (RESP): the rest may repeat what was sent.
  const kind = error instanceof Error ? (/^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR') : 'ERR'
  throw new StoreError(`the store refuses the command: ${kind}`)
}

function asList(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply
  throw new StoreError('the store answers in a form that is not known')
}
