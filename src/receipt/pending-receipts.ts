/**
 * The receipts that the data path has offered to the recorder's thread and that have no answer yet: in order, and bounded
 * on this side, so that a thread that hangs costs neither memory nor time. What the thread does with them is not here.
 */

import type { Denial } from '../model/denial.ts'
import { RecorderError } from './recorder-error.ts'
import type { Offered } from './recorder-messages.ts'

export interface QueueLimits {
  /** Receipts without an answer before admissions are refused. */
  readonly maxQueued: number
  /** Intents whose outcome was not offered before further ones are refused. Outcomes are always taken: this bounds them. */
  readonly maxOpenIntents: number
}

/**
 * Messages under way before the next one waits: one that is written, and one behind it, so that the thread need not wait
 * either. The longer the disk takes, the more receipts share a message, a flush and two wake-ups.
 */
const MAX_MESSAGES = 2

interface Waiter extends PromiseWithResolvers<undefined> {
  readonly isIntent: boolean
}

const IGNORE = (): void => undefined

export class PendingReceipts {
  readonly #limits: QueueLimits
  /** `undefined` where one was refused before its turn. */
  #waiting: (Waiter | undefined)[] = []
  /** Ordinal of the first that waits; per thread. */
  #firstWaiting = 0
  #unsent: Offered[] = []
  /** Last ordinal of each message that has no answer. */
  #messages: number[] = []
  #openIntents = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#waiting.length
  }

  /** @returns the denial `recorder_busy` where no admission can be taken now */
  admissionFault({ facts, need }: Offered): Denial | undefined {
    if (need !== 'admission') return undefined
    const { maxQueued, maxOpenIntents } = this.#limits
    if (this.#waiting.length >= maxQueued) return busy(`${maxQueued} receipts wait to be written`)
    if (facts.decisionPhase === 'intent' && this.#openIntents >= maxOpenIntents) return busy(`${maxOpenIntents} exchanges are open`)
    return undefined
  }

  /** @returns resolves when it is acknowledged; rejects with a RecorderError; safe to leave alone */
  add(offered: Offered): Promise<undefined> {
    const waiter: Waiter = { ...Promise.withResolvers<undefined>(), isIntent: offered.facts.decisionPhase === 'intent' }
    // Nobody need wait for an outcome, and a lost one must not end the process as unhandled.
    waiter.promise.catch(IGNORE)
    if (waiter.isIntent) this.#openIntents++
    this.#waiting.push(waiter)
    this.#unsent.push(offered)
    return waiter.promise
  }

  /** An outcome was offered, taken or not: its exchange is over. */
  settleIntent(): void {
    if (this.#openIntents > 0) this.#openIntents--
  }

  /** @param urgent also where enough is under way; @returns the next message; empty where it waits, or there is none */
  takeMessage(urgent: boolean): readonly Offered[] {
    if (this.#unsent.length === 0 || (this.#messages.length >= MAX_MESSAGES && !urgent)) return []
    const message = this.#unsent
    this.#unsent = []
    this.#messages.push(this.#firstWaiting + this.#waiting.length - 1)
    return message
  }

  /** Answers come in the order of the receipts: everything up to `last` is durable. */
  resolveUpTo(last: number): void {
    for (const waiter of this.#takeUpTo(last)) waiter?.resolve(undefined)
  }

  rejectUpTo(last: number, error: RecorderError): void {
    for (const waiter of this.#takeUpTo(last)) this.#reject(waiter, error)
  }

  /** One was not taken, whatever becomes of those before it. */
  refuse(ordinal: number, error: RecorderError): void {
    const at = ordinal - this.#firstWaiting
    this.#reject(this.#waiting[at], error)
    this.#waiting[at] = undefined
    this.#dropAnswered()
  }

  /** The thread is gone: refuses all that waits, and counts anew for the next one. */
  abandon(detail: string): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#unsent = []
    this.#messages = []
    this.#firstWaiting = 0
    for (const waiter of waiting) this.#reject(waiter, new RecorderError(detail))
  }

  #reject(waiter: Waiter | undefined, error: RecorderError): void {
    if (waiter?.isIntent === true) this.settleIntent()
    waiter?.reject(error)
  }

  #takeUpTo(last: number): (Waiter | undefined)[] {
    const taken = this.#waiting.splice(0, last - this.#firstWaiting + 1)
    this.#firstWaiting = last + 1
    this.#dropAnswered()
    return taken
  }

  /** What was refused behind others that waited is in nobody's flush. */
  #dropAnswered(): void {
    while (this.#waiting.length > 0 && this.#waiting[0] === undefined) {
      this.#waiting.shift()
      this.#firstWaiting++
    }
    while ((this.#messages[0] ?? Infinity) < this.#firstWaiting) this.#messages.shift()
  }
}

function busy(detail: string): Denial {
  return { reason: 'recorder_busy', detail, retryAfterSeconds: 1 }
}
