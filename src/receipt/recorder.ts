/**
 * The recorder: admits receipts, places them in the running session and makes them durable in groups. After a failed
 * write the session is over; a new one, linked to the last acknowledged head, opens as soon as the disk lets it.
 */

import type { Denial } from '../model/denial.ts'
import type { Signer } from '../model/signer.ts'
import { type ChainHead, type CommitStats, GroupCommit, type Mark } from './group-commit.ts'
import type { Need, ReceiptRecorder, RecorderStats } from './receipt-recorder.ts'
import { DiskSpace } from './disk-space.ts'
import { faultOf, RecorderError } from './recorder-error.ts'
import type { OpenIntents } from './open-intents.ts'
import { type RecorderOptions, type RecorderSettings, settingsOf } from './recorder-settings.ts'
import type { ReceiptFacts } from './receipt-facts.ts'
import { cutShard, type Resumed, resumeFolder } from './resume.ts'
import { retireSessions } from './retention.ts'
import { type ChainSettings, type FaultCounts, type Placed, SessionChain } from './session-chain.ts'

const SECOND_MS = 1000
const RETENTION_CHECK_MS = 3_600_000
const NO_COMMIT: CommitStats = { queued: 0, flushes: 0, syncs: 0, syncTotalMs: 0, syncMaxMs: 0 }
const OUT_OF_SPACE = new Set(['ENOSPC', 'EDQUOT'])

/**
 * Repairs what the last run left, and opens a new session linked to its durable tail.
 *
 * @throws {RecorderError} when the folder cannot be read, or the session_open cannot be made durable
 */
export async function openRecorder(options: RecorderOptions): Promise<Recorder> {
  const settings = settingsOf(options)
  try {
    await settings.files.prepare()
    const recorder = new Recorder(settings, await resumeFolder(settings.files))
    await recorder.start()
    return recorder
  } catch (cause) {
    if (cause instanceof RecorderError) throw cause
    throw new RecorderError(`${options.dir}: expected a folder for evidence that can be read and written (${faultOf(cause)})`, { cause })
  }
}

/** A file whose last write failed, and the writer that held it. */
interface BrokenShard {
  readonly commit: GroupCommit
  readonly shard: string
}

export class Recorder implements ReceiptRecorder {
  readonly resumed: Resumed
  readonly #settings: RecorderSettings
  #chain: SessionChain | undefined
  #commit: GroupCommit | undefined
  #signer: Signer
  #policyHash: string
  /** Last acknowledged head, over all sessions. */
  #durable: ChainHead | undefined
  #mark: Mark | undefined
  #broken: BrokenShard | undefined
  /** Exchanges that the failed session left open. */
  #left: { readonly intents: OpenIntents; readonly lastSeq: number } | undefined
  #retry: NodeJS.Timeout | undefined
  #reopening: Promise<void> | undefined
  #attempts = 0
  #isClosed = false
  #closing: Promise<void> | undefined
  readonly #disk: DiskSpace
  readonly #timers: NodeJS.Timeout[] = []
  #retentionCheckedMs: number
  #failures = 0
  #refused = 0
  #sessions = 0
  #retired = 0
  #lastFault = ''

  /** Use `openRecorder`: it resumes the folder first. */
  constructor(settings: RecorderSettings, resumed: Resumed) {
    this.#settings = settings
    this.resumed = resumed
    this.#signer = settings.signer
    this.#policyHash = settings.policyHash
    this.#durable = resumed.prior
    this.#disk = new DiskSpace(settings.files, settings.lowWaterBytes)
    this.#retentionCheckedMs = settings.clock.monotonicMs()
  }

  /** Opens the first session. @throws {RecorderError} when its session_open cannot be made durable */
  async start(): Promise<void> {
    await this.#disk.check()
    try {
      await this.#beginSession()
    } catch (error) {
      await this.#broken?.commit.abandon()
      throw error
    }
    await this.#retire()
    const { heartbeatSeconds } = this.#settings
    if (heartbeatSeconds > 0) this.#timers.push(setInterval(() => { this.#beat() }, heartbeatSeconds * SECOND_MS))
    this.#timers.push(setInterval(() => { void this.#disk.check() }, SECOND_MS))
    for (const timer of this.#timers) timer.unref()
  }

  /**
   * Places one receipt in the chain and signs it, now and in order; its line goes to disk with the next flush.
   *
   * @returns where it stands, or the denial: `recorder_busy`, `receipt_unwritable`, or `internal_error` for a second intent
   *   of one action; nothing was recorded then
   */
  append(facts: ReceiptFacts, need: Need): Placed | Denial {
    const denial = need === 'admission' ? this.#admissionFault(facts) : undefined
    if (denial !== undefined) return this.#refuse(denial)
    if (this.#chain?.full === true) void this.#rollSession('session_limit')
    const chain = this.#chain
    return chain === undefined ? this.#refuse(this.#unwritable()) : chain.append(facts)
  }

  /** @returns last acknowledged head; only such heads may be told to peers */
  durableHead(): ChainHead | undefined {
    return this.#durable
  }

  /** Hash that receipts without one of their own carry from now on. */
  usePolicy(hash: string): void {
    this.#policyHash = hash
    if (this.#chain !== undefined) this.#chain.policyHash = hash
  }

  /**
   * Ends the session, naming the new key in its close, and begins one that the new key signs.
   *
   * @returns resolves when the new session is durable; at once while there is none: the next one has the new key
   * @throws {RecorderError} when it does not become durable; that is tried again in the background, with the new key
   */
  async rotateKey(signer: Signer): Promise<void> {
    if (this.#isClosed) throw new RecorderError('the recorder is closed')
    const successor = this.#signer.publicKeyHex === signer.publicKeyHex ? undefined : signer.publicKeyHex
    this.#signer = signer
    await this.#rollSession('key_rotation', successor)
  }

  /**
   * Closes the session: `session_close`, transcript root, checkpoint. Nothing is admitted from the call on.
   *
   * @throws {RecorderError} when the end of the session did not become durable
   */
  close(reason = 'graceful_shutdown'): Promise<void> {
    this.#closing ??= this.#shutDown(reason)
    return this.#closing
  }

  stats(): RecorderStats {
    const chain = this.#chain
    return {
      state: this.#state(),
      session: chain?.id ?? '',
      head: chain?.head,
      commit: this.#commit?.stats ?? NO_COMMIT,
      shards: chain?.shards ?? 0,
      openIntents: chain?.intents.size ?? 0,
      failures: this.#failures,
      refused: this.#refused,
      sessions: this.#sessions,
      lastFault: this.#lastFault,
      freeBytes: this.#disk.freeBytes,
      isDiskLow: this.#disk.isLow,
      retired: this.#retired,
    }
  }

  #state(): RecorderStats['state'] {
    if (this.#isClosed) return 'closed'
    return this.#chain === undefined ? 'failed' : 'open'
  }

  async #shutDown(reason: string): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    for (const timer of this.#timers) clearInterval(timer)
    await this.#reopening
    const chain = this.#chain
    this.#chain = undefined
    if (chain !== undefined) void chain.close(reason, this.#faults())
    await this.#commit?.end()
  }

  #admissionFault(facts: ReceiptFacts): Denial | undefined {
    const chain = this.#chain
    const commit = this.#commit
    if (chain === undefined || commit === undefined) return this.#unwritable()
    if (this.#disk.isLow) return { reason: 'receipt_unwritable', detail: 'free disk space is below the low-water mark' }
    const { maxQueued } = this.#settings
    if (commit.stats.queued >= maxQueued) {
      return { reason: 'recorder_busy', detail: `${maxQueued} receipts wait to be written`, retryAfterSeconds: 1 }
    }
    return facts.decisionPhase === 'intent' ? this.#intentFault(chain, facts.actionId) : undefined
  }

  #intentFault({ intents }: SessionChain, actionId: string): Denial | undefined {
    const { maxOpenIntents } = this.#settings
    if (intents.size >= maxOpenIntents) {
      return { reason: 'recorder_busy', detail: `${maxOpenIntents} exchanges are open`, retryAfterSeconds: 1 }
    }
    // Two intents of one action would make the whole session fail its verification.
    return intents.has(actionId) ? { reason: 'internal_error', detail: 'an intent of this action stands already' } : undefined
  }

  #unwritable(): Denial {
    const detail = this.#isClosed ? 'the recorder is closed' : `no session can be written: ${this.#lastFault}`
    return { reason: 'receipt_unwritable', detail }
  }

  #refuse(denial: Denial): Denial {
    this.#refused++
    return denial
  }

  /** Synchronous: the close is in the queue before the open, and one writer writes them in that order. */
  #rollSession(reason: string, successorKey?: string): Promise<void> {
    const ending = this.#chain
    const commit = this.#commit
    if (ending === undefined || commit === undefined) return Promise.resolve()
    void ending.close(reason, this.#faults(), successorKey)
    const chain = this.#createChain(commit)
    chain.intents.inherit(ending.intents, ending.head.seq)
    this.#chain = chain
    return chain.open(ending.head).durable
  }

  /** A session on a fresh writer; nothing is admitted to it before its session_open is durable. */
  async #beginSession(): Promise<void> {
    const { files, clock, durability, onSync } = this.#settings
    const commit = new GroupCommit({
      files,
      clock,
      durability,
      onCommit: (mark, bytes) => { this.#onCommit(mark, bytes) },
      onSync,
      onFailure: (error, shard) => { this.#onFailure(error, { commit, shard }) },
    })
    const signer = this.#signer
    const chain = this.#createChain(commit)
    await chain.open(this.#durable).durable
    if (this.#left !== undefined) chain.intents.inherit(this.#left.intents, this.#left.lastSeq)
    this.#left = undefined
    this.#commit = commit
    this.#chain = chain
    this.#attempts = 0
    // What changed while the disk was awaited.
    chain.policyHash = this.#policyHash
    if (this.#signer !== signer) void this.#rollSession('key_rotation', this.#signer.publicKeyHex)
  }

  #createChain(commit: GroupCommit): SessionChain {
    const settings: ChainSettings = { ...this.#settings, signer: this.#signer, policyHash: this.#policyHash }
    this.#sessions++
    return new SessionChain(settings, (line, shard, head) => commit.push(line, shard, head))
  }

  #onCommit(mark: Mark, bytes: number): void {
    this.#mark = mark
    this.#durable = mark.head
    this.#disk.noteWritten(bytes)
  }

  /** Runs before any waiter is refused, so that what a waiter does next meets a recorder without a session. */
  #onFailure(error: RecorderError, broken: BrokenShard): void {
    this.#failures++
    this.#lastFault = error.message
    this.#broken = broken
    // Where the session was only beginning, `#beginSession` rejects and its caller goes on from there.
    if (this.#commit !== broken.commit) return
    const lost = this.#chain
    // Nothing of a session is acknowledged where the head is still that of the one before.
    const lastSeq = this.#durable?.session === lost?.id ? this.#durable?.seq : undefined
    if (lost !== undefined) this.#left = { intents: lost.intents, lastSeq: lastSeq ?? -1 }
    this.#commit = undefined
    this.#chain = undefined
    this.#scheduleReopen()
  }

  #scheduleReopen(): void {
    if (this.#isClosed) return
    const { first, max } = this.#settings.reopenMs
    this.#retry = setTimeout(() => { this.#reopening = this.#reopen() }, Math.min(max, first * 2 ** this.#attempts))
    this.#retry.unref()
    this.#attempts++
  }

  async #reopen(): Promise<void> {
    try {
      await this.#settings.files.prepare()
      await this.#repair()
      await this.#beginSession()
    } catch (error) {
      if (!(error instanceof RecorderError)) this.#lastFault = `the evidence folder cannot be repaired: ${faultOf(error)}`
      this.#scheduleReopen()
    }
  }

  /** What was never acknowledged is moved out of the shard, so that the session ends where its successor says. */
  async #repair(): Promise<void> {
    const broken = this.#broken
    if (broken === undefined) return
    await broken.commit.abandon()
    const acknowledged = this.#mark?.shard === broken.shard ? this.#mark.shardBytes : 0
    try {
      await cutShard(this.#settings.files, broken.shard, acknowledged)
    } catch (error) {
      // Space can come back. A file that cannot be mended for another reason must not keep a new session away.
      if (OUT_OF_SPACE.has(faultOf(error))) throw error
    }
    this.#broken = undefined
  }

  #beat(): void {
    this.#chain?.heartbeat(this.#faults())
    const nowMs = this.#settings.clock.monotonicMs()
    if (nowMs - this.#retentionCheckedMs < RETENTION_CHECK_MS) return
    this.#retentionCheckedMs = nowMs
    void this.#retire()
  }

  /** Never rejects: evidence that is kept too long is no reason to refuse. */
  async #retire(): Promise<void> {
    const { files, clock, retentionDays } = this.#settings
    const running = this.#chain?.id
    if (running === undefined) return
    try {
      const retired = await retireSessions({ files, signer: this.#signer, nowMs: clock.nowMs(), retentionDays, running })
      this.#retired += retired.length
    } catch (error) {
      this.#lastFault = `old evidence cannot be deleted: ${faultOf(error)}`
    }
  }

  #faults(): FaultCounts {
    return { fsyncErrors: this.#failures, durabilityBlocks: this.#refused }
  }
}
