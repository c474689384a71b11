/** The entry side of one session: numbering, linking, cutting into shards, checkpoints. Synchronous; lines go to `push`. */

import type { Clock } from '../base/clock.ts'
import type { Signer } from '../model/signer.ts'
import { checkpointDetail, checkpointSignedText, checkpointSummary, ENTRY_TYPE, evidenceFileName, FIRST_PREV_HASH, sealOwnEntry } from './entry.ts'
import { formatTimestamp } from './format.ts'
import type { ChainHead } from './group-commit.ts'

export interface ShardLimits {
  /** Entries per file before the next one begins. */
  readonly maxEntriesPerShard: number
  /** Bytes per file; readers take 8 MiB. */
  readonly maxShardBytes: number
  /** Files per session before the next session begins; readers take 256. */
  readonly maxShards: number
  /** Entries between two signed checkpoints. */
  readonly checkpointInterval: number
}

const MIB = 1_048_576
const SHARD_SLACK_BYTES = 65_536

export const DEFAULT_SHARD_LIMITS: ShardLimits = {
  maxEntriesPerShard: 10_000,
  maxShardBytes: 8 * MIB - SHARD_SLACK_BYTES,
  maxShards: 200,
  checkpointInterval: 1000,
}

export interface EntryLogOptions {
  readonly session: string
  readonly signer: Signer
  readonly clock: Clock
  readonly limits: ShardLimits
  readonly push: (line: string, shard: string, head: ChainHead) => Promise<void>
}

export interface EntryContent {
  readonly type: string
  readonly eventKind: string
  readonly transport: string
  readonly summary: string
  /** Compact JSON. */
  readonly detail: string
}

export class EntryLog {
  readonly #options: EntryLogOptions
  #seq = 0
  #prevHash = FIRST_PREV_HASH
  #firstUncovered = 0
  #shard = ''
  #shardBytes = 0
  #shardEntries = 0
  #shards = 0
  #stampedMs = Number.NaN
  #stamp = ''

  constructor(options: EntryLogOptions) {
    this.#options = options
  }

  /** Files begun. */
  get shards(): number {
    return this.#shards
  }

  /** Whether the next entry may need one file more than a session has. */
  get full(): boolean {
    const { maxShards, maxEntriesPerShard, maxShardBytes } = this.#options.limits
    if (this.#shards < maxShards) return false
    return this.#shardEntries >= maxEntriesPerShard || this.#shardBytes + SHARD_SLACK_BYTES >= maxShardBytes
  }

  /** @param head the receipt chain's head, this entry included; @returns resolves when the line is acknowledged */
  append(content: EntryContent, head: ChainHead): Promise<void> {
    const durable = this.#write(content, head)
    if (this.#seq - this.#firstUncovered >= this.#options.limits.checkpointInterval) void this.checkpoint(head)
    return durable
  }

  /** Signs over the entries since the last checkpoint, where there are any. */
  checkpoint(head: ChainHead): Promise<void> | undefined {
    if (this.#seq === this.#firstUncovered) return undefined
    const span = { entryCount: this.#seq - this.#firstUncovered, firstSeq: this.#firstUncovered, lastSeq: this.#seq - 1 }
    const signature = this.#options.signer.sign(checkpointSignedText(this.#prevHash)).toString('hex')
    const type = ENTRY_TYPE.checkpoint
    const detail = checkpointDetail({ ...span, signature })
    const durable = this.#write({ type, eventKind: type, transport: '', summary: checkpointSummary(span), detail }, head)
    this.#firstUncovered = this.#seq
    return durable
  }

  #write(content: EntryContent, head: ChainHead): Promise<void> {
    const { line, hash } = sealOwnEntry({
      seq: this.#seq,
      timestamp: this.#now(),
      sessionId: this.#options.session,
      type: content.type,
      eventKind: content.eventKind,
      transport: content.transport,
      summary: content.summary,
      detail: content.detail,
      prevHash: this.#prevHash,
    })
    this.#placeInShard(Buffer.byteLength(line) + 1)
    this.#seq++
    this.#prevHash = hash
    return this.#options.push(`${line}\n`, this.#shard, head)
  }

  #placeInShard(bytes: number): void {
    const { maxEntriesPerShard, maxShardBytes } = this.#options.limits
    const isFull = this.#shardEntries >= maxEntriesPerShard || this.#shardBytes + bytes > maxShardBytes
    if (this.#shards === 0 || (isFull && this.#shardEntries > 0)) {
      this.#shard = evidenceFileName(this.#options.session, this.#seq)
      this.#shardBytes = 0
      this.#shardEntries = 0
      this.#shards++
    }
    this.#shardBytes += bytes
    this.#shardEntries++
  }

  /** Many entries share a millisecond. */
  #now(): string {
    const nowMs = this.#options.clock.nowMs()
    if (nowMs !== this.#stampedMs) {
      this.#stampedMs = nowMs
      this.#stamp = formatTimestamp(nowMs)
    }
    return this.#stamp
  }
}
