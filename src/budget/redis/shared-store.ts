/** The shared store as the ledger uses it: scripts on accounts, whether it is there, and whether it is still the one that knows what was spent. */

import type { Clock } from '../../base/clock.ts'
import type { Change, Demand, RefusalCause } from '../ledger.ts'
import { subjectOf } from './account-keys.ts'
import type { RedisClient, StoreFacts } from './redis-client.ts'
import type { ScriptName } from './scripts.ts'
import type { EpochWriter, StoreContinuity } from './store-continuity.ts'

const MAX_SUBJECTS = 10_000
/** An account that was there so shortly ago cannot have gone by itself: the store keeps it 30 days. */
const REMEMBERED_MS = 86_400_000
const SCAN_COUNT = 500

export interface SharedStoreOptions {
  readonly clock: Clock
  readonly namespace: string
  readonly continuity: StoreContinuity
  /** The operator vouches for `noeviction` where the store does not let it be read. */
  readonly assumeNoEviction?: boolean
}

const BEGIN = `if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end redis.call('HSET', KEYS[1], unpack(ARGV)) return 1`

export class SharedStore implements EpochWriter {
  readonly namespace: string
  readonly #options: SharedStoreOptions
  /** Subject → monotonic time of the last answer about it. */
  readonly #contacts = new Map<string, number>()
  readonly #frozen = new Set<string>()
  readonly #openListeners: (() => void)[] = []
  #client: RedisClient | undefined
  #facts: StoreFacts | undefined
  #lostMs: number | undefined
  /** Why a store that answers is not used. */
  problem: string | undefined

  constructor(options: SharedStoreOptions) {
    this.#options = options
    this.namespace = options.namespace
  }

  get epochKey(): string {
    return `{${this.namespace}}:epoch`
  }

  get isOpen(): boolean {
    return this.#client?.isOpen === true
  }

  use(client: RedisClient): void {
    this.#client = client
  }

  onOpen(listener: () => void): void {
    this.#openListeners.push(listener)
  }

  /** Looks at a store on a new connection. @returns whether it may be asked at all */
  async admit(facts: StoreFacts): Promise<boolean> {
    this.#facts = facts
    this.problem = this.#problemOf(facts)
    if (this.problem !== undefined) return false
    if ((await this.#options.continuity.look(facts, this)) === 'lost') this.#lose()
    else this.#lostMs = undefined
    // After the client has opened.
    setImmediate(() => {
      for (const listener of this.#openListeners) listener()
    })
    return true
  }

  /** Whether what was spent in the window of a demand may be missing. */
  isLostFor(demands: readonly Demand[]): boolean {
    const lostMs = this.#lostMs
    if (lostMs === undefined) return false
    const passedMs = this.#options.clock.monotonicMs() - lostMs
    return demands.length === 0 || demands.some(({ windowMs }) => windowMs === 0 || passedMs < windowMs)
  }

  health(): 'ok' | RefusalCause {
    if (!this.isOpen) return 'store_unreachable'
    return this.#lostMs === undefined ? 'ok' : 'store_lost'
  }

  /** While the store is away a frozen subject stays so. */
  noteFrozen(subject: string, frozen: boolean): void {
    if (!frozen) this.#frozen.delete(subject)
    else if (this.#frozen.size < MAX_SUBJECTS) this.#frozen.add(subject)
  }

  isFrozen(subject: string): boolean {
    return this.#frozen.has(subject)
  }

  /** @param values after the two that every script begins with. @throws {StoreError} */
  async run(name: ScriptName, subject: string, keys: readonly string[], values: readonly (string | number)[]): Promise<readonly unknown[]> {
    const nowMs = this.#options.clock.monotonicMs()
    const contactMs = this.#contacts.get(subject)
    if (contactMs === undefined && !this.#hasRoom(nowMs)) return ['capacity']
    const isKnown = contactMs !== undefined && nowMs - contactMs < REMEMBERED_MS
    const reply = (await this.#client?.run(name, keys, [this.#options.continuity.epochs, isKnown ? '1' : '0', ...values])) ?? ['epoch']
    if (reply[0] === 'epoch') this.#lose()
    else if (reply[0] === 'ok') this.#contacts.set(subject, nowMs)
    return reply
  }

  /** @returns the subjects that have an account. @throws {StoreError} */
  async subjects(): Promise<string[]> {
    const subjects = new Set<string>()
    let cursor = '0'
    do {
      const [next, keys] = (await this.#client?.call('SCAN', cursor, 'MATCH', `{${this.namespace}:*}:m`, 'COUNT', SCAN_COUNT)) as [string, string[]]
      for (const key of keys) subjects.add(subjectOf(this.namespace, key) ?? '')
      cursor = next
    } while (cursor !== '0')
    subjects.delete('')
    return [...subjects].sort()
  }

  async adopt(): Promise<Change> {
    if (this.#facts === undefined || !this.isOpen) return 'store_unreachable'
    try {
      await this.#options.continuity.adopt(this.#facts, this)
    } catch {
      return 'store_unreachable'
    }
    this.#contacts.clear()
    this.#lostMs = undefined
    return 'done'
  }

  async begin(fields: Readonly<Record<string, string>>): Promise<boolean> {
    return (await this.#client?.call('EVAL', BEGIN, 1, this.epochKey, ...Object.entries(fields).flat())) === 1
  }

  async replace(fields: Readonly<Record<string, string>>): Promise<void> {
    await this.#client?.call('HSET', this.epochKey, ...Object.entries(fields).flat())
  }

  async close(): Promise<void> {
    await this.#client?.close()
  }

  #problemOf({ isReplica, evictionPolicy }: StoreFacts): string | undefined {
    if (isReplica) return 'the store is a replica: expected a master'
    if (evictionPolicy === undefined && this.#options.assumeNoEviction === true) return undefined
    if (evictionPolicy !== 'noeviction') return `the store's maxmemory-policy is ${evictionPolicy ?? 'not readable'}: expected noeviction, since it would forget what is spent`
    return undefined
  }

  #lose(): void {
    this.#lostMs ??= this.#options.clock.monotonicMs()
    this.#contacts.clear()
  }

  #hasRoom(nowMs: number): boolean {
    if (this.#contacts.size < MAX_SUBJECTS) return true
    for (const [subject, contactMs] of this.#contacts) if (nowMs - contactMs >= REMEMBERED_MS) this.#contacts.delete(subject)
    return this.#contacts.size < MAX_SUBJECTS
  }
}
