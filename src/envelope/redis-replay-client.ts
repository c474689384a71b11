/**
 * The replay window that replicas share through Redis or Valkey. Whatever is not certain is refused: a store that does not
 * answer in time, one that may have lost burns, one that may drop them. Nothing is retried and nothing waits in a queue.
 */

import { hash, randomBytes, randomUUID } from 'node:crypto'

import { Redis } from 'ioredis'

import { BURN_SCRIPT, JOIN_SCRIPT } from './replay-scripts.ts'
import type { BurnResult, NonceTicket, ReplayWindow } from './replay-window.ts'

export interface RedisReplayOptions {
  /** `redis://…` or `rediss://…`. */
  readonly url: string
  /** Start of every key; the same for all replicas. */
  readonly namespace: string
  readonly capacityPerKey: number
  readonly futureSkewMs: number
  /** Longest wait for one burn; 250 unless told otherwise. */
  readonly timeoutMs?: number
  /** The operator vouches for `maxmemory-policy noeviction` where Redis does not say. */
  readonly isNeverEvicting?: boolean
}

export interface RedisReplayWindow extends ReplayWindow {
  burn(ticket: NonceTicket): Promise<BurnResult>
  /** Resolves when the window is joined, or with what stands against it: a reason for not starting. */
  ready(): Promise<RedisReplayState>
  close(): void
}

/** `joined`; `unreachable`, which may pass; `evicting`, which the operator has to mend. */
export type RedisReplayState = 'joined' | 'unreachable' | 'evicting'

const DEFAULT_TIMEOUT_MS = 250
const MAX_RECONNECT_MS = 1000
const RECONNECT_STEP_MS = 50
/** Burns that wait for an answer at once. */
const MAX_WAITING = 20_000
const EPOCH_BYTES = 16
const KEY_HASH_CHARACTERS = 16

interface Membership {
  readonly epoch: string
  readonly runId: string
}

export function createRedisReplayWindow(options: RedisReplayOptions): RedisReplayWindow {
  return new SharedReplayWindow(options)
}

class SharedReplayWindow implements RedisReplayWindow {
  readonly #options: RedisReplayOptions
  readonly #redis: Redis
  readonly #timeoutMs: number
  /** Of the present connection; a burn is sent only where there is one. */
  #member: Membership | undefined
  #joining: Promise<RedisReplayState> | undefined
  #floorMs = 0
  #waiting = 0

  constructor(options: RedisReplayOptions) {
    this.#options = options
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
    this.#redis = new Redis(options.url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: this.#timeoutMs,
      connectTimeout: this.#timeoutMs,
      retryStrategy: (times) => Math.min(times * RECONNECT_STEP_MS, MAX_RECONNECT_MS),
    })
    // Told by the result of each burn; an 'error' event without a listener would end the process.
    this.#redis.on('error', () => undefined)
    this.#redis.on('ready', () => void this.#join())
    this.#redis.on('close', () => {
      this.#member = undefined
    })
    this.#redis.connect().catch(() => undefined)
  }

  floorMs(): number {
    return this.#floorMs
  }

  async ready(): Promise<RedisReplayState> {
    if (this.#redis.status !== 'ready') await this.#settled()
    return this.#redis.status === 'ready' ? this.#join() : 'unreachable'
  }

  async burn(ticket: NonceTicket): Promise<BurnResult> {
    if (this.#waiting >= MAX_WAITING) return 'replay_store'
    this.#waiting++
    try {
      return await this.#burnOnce(ticket)
    } catch {
      // Late answers must not be taken for those of later burns, and a store that hangs must not collect commands.
      this.#redis.disconnect(true)
      return 'replay_store'
    } finally {
      this.#waiting--
    }
  }

  close(): void {
    this.#redis.disconnect()
  }

  async #burnOnce(ticket: NonceTicket): Promise<BurnResult> {
    const attempt = randomUUID()
    const first = await this.#send(ticket, attempt)
    if (first !== 'lost') return first
    // The store is another one than the one that was joined: join again, above its floor, and ask once more.
    this.#member = undefined
    if ((await this.#join()) !== 'joined') return 'replay_store'
    const second = await this.#send(ticket, attempt)
    return second === 'lost' ? 'replay_store' : second
  }

  async #send(ticket: NonceTicket, attempt: string): Promise<BurnResult | 'lost'> {
    const member = this.#member
    if (member === undefined) {
      // What stood against joining may have been mended.
      if (this.#redis.status === 'ready') void this.#join()
      return 'replay_store'
    }
    const { namespace, capacityPerKey, futureSkewMs } = this.#options
    const keyHash = hash('sha256', ticket.keyId, 'hex').slice(0, KEY_HASH_CHARACTERS)
    const keys = [...this.#storeKeys(), `{${namespace}}:n:${keyHash}:${ticket.nonce}`, `{${namespace}}:c:${keyHash}`]
    const args = [member.epoch, member.runId, attempt, ticket.createdMs, ticket.keepUntilMs, capacityPerKey, futureSkewMs]
    const answer = await this.#redis.eval(BURN_SCRIPT, keys.length, ...keys, ...args)
    const [result, floor] = textsOf(answer)
    this.#floorMs = Math.max(this.#floorMs, Number(floor))
    return isBurnResult(result) || result === 'lost' ? result : 'replay_store'
  }

  /** One at a time for a connection; the membership of one that is gone is never kept. */
  #join(): Promise<RedisReplayState> {
    if (this.#member !== undefined) return Promise.resolve('joined')
    this.#joining ??= this.#joinOnce()
      .catch((): RedisReplayState => {
        this.#redis.disconnect(true)
        return 'unreachable'
      })
      .finally(() => {
        this.#joining = undefined
      })
    return this.#joining
  }

  async #joinOnce(): Promise<RedisReplayState> {
    const connection = new AbortController()
    const onClose = (): void => {
      connection.abort()
    }
    this.#redis.once('close', onClose)
    try {
      const [server, memory] = [await this.#redis.info('server'), await this.#redis.info('memory')]
      if (!this.#neverEvicts(memory)) return 'evicting'
      const runId = infoValue(server, 'run_id')
      if (runId === undefined) return 'unreachable'
      const keys = this.#storeKeys()
      const answer = await this.#redis.eval(JOIN_SCRIPT, keys.length, ...keys, randomBytes(EPOCH_BYTES).toString('hex'), runId, this.#options.futureSkewMs)
      const [epoch, floor] = textsOf(answer)
      if (connection.signal.aborted || epoch === undefined) return 'unreachable'
      this.#floorMs = Math.max(this.#floorMs, Number(floor))
      this.#member = { epoch, runId }
      return 'joined'
    } finally {
      this.#redis.off('close', onClose)
    }
  }

  #neverEvicts(memory: string): boolean {
    const policy = infoValue(memory, 'maxmemory_policy')
    return policy === undefined ? this.#options.isNeverEvicting === true : policy === 'noeviction'
  }

  #storeKeys(): string[] {
    const { namespace } = this.#options
    return [`{${namespace}}:epoch`, `{${namespace}}:run`, `{${namespace}}:floor`]
  }

  #settled(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#redis.off('ready', done).off('close', done)
        resolve()
      }
      this.#redis.on('ready', done).on('close', done)
    })
  }
}

const BURN_RESULTS: ReadonlySet<string | undefined> = new Set(['fresh', 'replay', 'replay_capacity', 'replay_store', 'replay_floor', 'expired', 'not_yet_valid'])

function isBurnResult(word: string | undefined): word is BurnResult {
  return BURN_RESULTS.has(word)
}

function textsOf(answer: unknown): (string | undefined)[] {
  return Array.isArray(answer) ? answer.map((one: unknown) => (typeof one === 'string' ? one : undefined)) : []
}

function infoValue(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
}
