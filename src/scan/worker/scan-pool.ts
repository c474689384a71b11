/**
 * Scans large messages on a thread of its own, one after the other, so that the body of one agent never delays another agent.
 * A scan that fails is an error to the caller, who must refuse: nothing passes unscanned.
 */

import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

import type { Finding } from '../../model/finding.ts'
import type { DlpPolicy } from '../../model/policy.ts'
import { RememberedPolicies } from './remembered-policies.ts'
import type { ScanContext } from '../layer.ts'
import { scanWhole, type WholeMessage } from '../scan-message.ts'

/** A body up to this size is scanned at once: that takes a few milliseconds, and a thread takes as long to be told. */
export const INLINE_BODY_BYTES = 262_144

export interface ScanTask {
  readonly context: Omit<ScanContext, 'dlp'>
  /** `dlp` with the first message of the policy only. */
  readonly policy: { readonly id: number; readonly dlp?: DlpPolicy }
  readonly message: { readonly url: string; readonly headers: readonly string[]; readonly body: Uint8Array }
}

export interface ScanPool {
  /** @returns the findings, at once where the message is small. Rejects with {@link ScanFailedError}. */
  scan(context: ScanContext, message: WholeMessage): readonly Finding[] | Promise<readonly Finding[]>
  /** Ends the thread. Scans that wait are rejected. */
  close(): Promise<void>
}

/** The thread ended before it answered. */
export class ScanFailedError extends Error {
  override readonly name = 'ScanFailedError'
}

interface Waiting {
  readonly context: ScanContext
  readonly message: WholeMessage
  readonly resolve: (findings: readonly Finding[]) => void
  readonly reject: (error: ScanFailedError) => void
}

/** The thread is started with the first large message: most companions never need it. */
export function createScanPool(): ScanPool {
  return new SingleWorkerPool()
}

class SingleWorkerPool implements ScanPool {
  #worker: Worker | undefined
  #waiting: Waiting[] = []
  readonly #ids = new WeakMap<DlpPolicy, number>()
  #lastId = 0
  /** What the thread has been sent. */
  #sent = new RememberedPolicies<true>()
  #isClosed = false

  scan(context: ScanContext, message: WholeMessage): readonly Finding[] | Promise<readonly Finding[]> {
    if (message.body.length <= INLINE_BODY_BYTES) return scanWhole(context, message)
    if (this.#isClosed) return Promise.reject(new ScanFailedError('the scan pool is closed'))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ context, message, resolve, reject })
      if (this.#waiting.length === 1) this.#next()
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#worker?.terminate()
    this.#fail()
  }

  #next(): void {
    const first = this.#waiting[0]
    if (first === undefined) {
      this.#worker?.unref()
      return
    }
    this.#worker ??= this.#start()
    this.#worker.ref()
    const { context: { dlp, ...context }, message } = first
    this.#worker.postMessage({ context, policy: this.#policyOf(dlp), message } satisfies ScanTask)
  }

  #policyOf(dlp: DlpPolicy): ScanTask['policy'] {
    let id = this.#ids.get(dlp)
    if (id === undefined) {
      id = ++this.#lastId
      this.#ids.set(dlp, id)
    }
    if (this.#sent.get(id) === true) return { id }
    this.#sent.set(id, true)
    return { id, dlp }
  }

  #start(): Worker {
    // Beside this file, in the sources as in what is built of them.
    const worker = new Worker(new URL(`scan-worker${extname(import.meta.url)}`, import.meta.url))
    this.#sent = new RememberedPolicies()
    worker.on('message', (findings: readonly Finding[]) => {
      this.#waiting.shift()?.resolve(findings)
      this.#next()
    })
    worker.on('error', () => undefined)
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined
      this.#fail()
    })
    return worker
  }

  /** What was sent to a thread that is gone was not scanned, and what waited behind it starts a new one only when it is asked again. */
  #fail(): void {
    const lost = this.#waiting
    this.#waiting = []
    for (const { reject } of lost) reject(new ScanFailedError('the scan thread ended'))
  }
}
