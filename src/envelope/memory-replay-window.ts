/** The replay window of a single process: nonces by key id, forgotten by the second, restored from what the receipts say. */

import type { Clock } from '../base/clock.ts'
import { replayFloorMs, type BurnResult, type NonceTicket, type ReplayGap, type ReplayWindow } from './replay-window.ts'

export interface MemoryReplayOptions {
  readonly clock: Clock
  /** Live nonces per key id. */
  readonly capacityPerKey: number
  /** How far ahead of the clock a message may be created. */
  readonly futureSkewMs: number
  /** Only where the journal cannot be read whole: what may have been accepted and is not known is then refused. */
  readonly gap?: ReplayGap
}

export interface MemoryReplayWindow extends ReplayWindow {
  /** Synchronous, so that check and burn are one step. */
  burn(ticket: NonceTicket): BurnResult
  /**
   * Burns again what was accepted before a restart. Never refuses: over its capacity the key is full until enough of
   * them have run out. Ones that have run out are skipped.
   */
  restore(tickets: Iterable<Pick<NonceTicket, 'keyId' | 'nonce' | 'keepUntilMs'>>): void
  /** Live nonces of all keys. */
  readonly size: number
}

const SECOND_MS = 1000

export function createMemoryReplayWindow(options: MemoryReplayOptions): MemoryReplayWindow {
  return new ProcessReplayWindow(options)
}

class ProcessReplayWindow implements MemoryReplayWindow {
  readonly #options: MemoryReplayOptions
  readonly #keys = new Map<string, KeyWindow>()
  #floorMs: number
  /** Nonces up to this second are forgotten. */
  #forgottenS = 0

  constructor(options: MemoryReplayOptions) {
    this.#options = options
    this.#floorMs = options.gap === undefined ? 0 : replayFloorMs(options.gap, options.futureSkewMs)
  }

  floorMs(): number {
    return this.#floorMs
  }

  burn({ keyId, nonce, createdMs, keepUntilMs }: NonceTicket): BurnResult {
    this.#forget()
    if (createdMs <= this.#floorMs) return 'replay_floor'
    const lastS = Math.ceil(keepUntilMs / SECOND_MS)
    if (lastS <= this.#forgottenS) return 'expired'
    const window = this.#keys.get(keyId)
    if (window?.has(nonce) === true) return 'replay'
    if ((window?.size ?? 0) >= this.#options.capacityPerKey) return 'replay_capacity'
    this.#windowOf(keyId).add(nonce, lastS)
    return 'fresh'
  }

  restore(tickets: Iterable<Pick<NonceTicket, 'keyId' | 'nonce' | 'keepUntilMs'>>): void {
    this.#forget()
    for (const { keyId, nonce, keepUntilMs } of tickets) {
      const lastS = Math.ceil(keepUntilMs / SECOND_MS)
      if (lastS > this.#forgottenS) this.#windowOf(keyId).add(nonce, lastS)
    }
  }

  get size(): number {
    this.#forget()
    return [...this.#keys.values()].reduce((sum, { size }) => sum + size, 0)
  }

  #forget(): void {
    const { clock, futureSkewMs } = this.#options
    const nowMs = clock.nowMs()
    const throughS = Math.floor(nowMs / SECOND_MS) - 1
    if (throughS === this.#forgottenS) return
    // The clock stepped back, so nonces are forgotten that count again. What was accepted before was created before now.
    if (throughS < this.#forgottenS) this.#floorMs = Math.max(this.#floorMs, nowMs + futureSkewMs)
    this.#forgottenS = throughS
    for (const [keyId, window] of this.#keys) {
      window.forget(throughS)
      if (window.size === 0) this.#keys.delete(keyId)
    }
  }

  #windowOf(keyId: string): KeyWindow {
    const window = this.#keys.get(keyId) ?? new KeyWindow()
    this.#keys.set(keyId, window)
    return window
  }
}

/** Live nonces of one key, in buckets by the last second that each is kept for. */
class KeyWindow {
  readonly #lastSecond = new Map<string, number>()
  readonly #buckets = new Map<number, string[]>()

  get size(): number {
    return this.#lastSecond.size
  }

  has(nonce: string): boolean {
    return this.#lastSecond.has(nonce)
  }

  add(nonce: string, lastS: number): void {
    // The same nonce again, from a restore: kept for the longer of the two.
    if ((this.#lastSecond.get(nonce) ?? 0) >= lastS) return
    this.#lastSecond.set(nonce, lastS)
    const bucket = this.#buckets.get(lastS)
    if (bucket === undefined) this.#buckets.set(lastS, [nonce])
    else bucket.push(nonce)
  }

  /** Forgets what is kept for no second after `throughS`. */
  forget(throughS: number): void {
    for (const [lastS, nonces] of this.#buckets) {
      if (lastS > throughS) continue
      this.#buckets.delete(lastS)
      for (const nonce of nonces) if (this.#lastSecond.get(nonce) === lastS) this.#lastSecond.delete(nonce)
    }
  }
}
