/** The recorder's side of its thread: takes receipts from the data path, and tells it what became of each. */

import type { MessagePort } from 'node:worker_threads'

import type { Denial } from '../model/denial.ts'
import { faultOf, RecorderError } from './recorder-error.ts'
import type { Offered, RecorderReply, RecorderReport, RecorderRequest } from './recorder-messages.ts'
import type { Recorder } from './recorder.ts'

/** How late the other thread may learn of what no receipt has to do with: a full disk, a session that opens again. */
const REPORT_MS = 100

/** Serves one recorder, opened with the given listener, until it is told to close it. Never rejects: what fails is told. */
export async function serveRecorder(port: MessagePort, open: (onSync: (tookMs: number) => void) => Promise<Recorder>): Promise<void> {
  const tell = (reply: RecorderReply): void => {
    port.postMessage(reply)
  }
  const syncsMs: number[] = []
  let recorder: Recorder
  try {
    recorder = await open((tookMs) => syncsMs.push(tookMs))
  } catch (error) {
    tell({ kind: 'unopened', detail: error instanceof RecorderError ? error.message : faultOf(error) })
    return
  }
  const report = (): RecorderReport => ({ stats: recorder.stats(), durableHead: recorder.durableHead(), syncsMs: syncsMs.splice(0) })
  const intake = new Intake(recorder, report, tell)
  const stopReports = reportChanges(recorder, () => { tell({ kind: 'report', report: report() }) })
  port.on('message', (request: RecorderRequest) => {
    if (request.kind === 'append') for (const offered of request.offered) intake.take(offered)
    else if (request.kind === 'policy') recorder.usePolicy(request.hash)
    else {
      stopReports()
      void close(recorder, request.reason).then((fault) => { tell({ kind: 'closed', report: report(), ...(fault !== undefined && { fault }) }) })
    }
  })
  tell({ kind: 'opened', resumed: recorder.resumed, report: report() })
}

/** @returns why the end of the session did not become durable */
async function close(recorder: Recorder, reason: string | undefined): Promise<string | undefined> {
  try {
    await recorder.close(reason)
    return undefined
  } catch (error) {
    return error instanceof RecorderError ? error.message : faultOf(error)
  }
}

function reportChanges(recorder: Recorder, report: () => void): () => void {
  let told = ''
  const timer = setInterval(() => {
    const text = JSON.stringify(recorder.stats())
    if (text !== told) report()
    told = text
  }, REPORT_MS)
  timer.unref()
  return () => {
    clearInterval(timer)
  }
}

/** Receipts of one flush share one promise, so that one message tells of all of them. */
interface Flush {
  readonly durable: Promise<void>
  last: number
}

class Intake {
  readonly #recorder: Recorder
  readonly #report: () => RecorderReport
  readonly #tell: (reply: RecorderReply) => void
  #ordinal = 0
  #flush: Flush | undefined

  constructor(recorder: Recorder, report: () => RecorderReport, tell: (reply: RecorderReply) => void) {
    this.#recorder = recorder
    this.#report = report
    this.#tell = tell
  }

  take({ facts, need }: Offered): void {
    const ordinal = this.#ordinal++
    const appended = this.#append(facts, need)
    if ('reason' in appended) this.#tell({ kind: 'refused', ordinal, denial: appended })
    else if (this.#flush?.durable === appended.durable) this.#flush.last = ordinal
    else this.#follow({ durable: appended.durable, last: ordinal })
  }

  /** A receipt that cannot be built is our own failure: it refuses its exchange, and no other. */
  #append(facts: Offered['facts'], need: Offered['need']): ReturnType<Recorder['append']> {
    try {
      return this.#recorder.append(facts, need)
    } catch (thrown) {
      return { reason: 'internal_error', detail: thrown instanceof Error ? thrown.name : typeof thrown }
    }
  }

  #follow(flush: Flush): void {
    this.#flush = flush
    flush.durable.then(
      () => {
        this.#tell(flush.last)
      },
      (error: unknown) => {
        this.#tell({ kind: 'lost', last: flush.last, denial: denialOf(error), report: this.#report() })
      },
    )
  }
}

function denialOf(error: unknown): Denial {
  return error instanceof RecorderError ? error.denial : { reason: 'receipt_unwritable', detail: faultOf(error) }
}
