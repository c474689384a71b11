/** What a recorder is opened with, and the defaults. */

import type { Clock } from '../base/clock.ts'
import type { Signer } from '../model/signer.ts'
import { DEFAULT_SHARD_LIMITS, type ShardLimits } from './entry-log.ts'
import type { Durability } from './group-commit.ts'
import { createRecorderFolder } from './recorder-folder-file.ts'
import type { RecorderFiles } from './recorder-files.ts'

export interface RecorderOptions {
  /** Folder of the evidence files; made where it is missing. One process per folder: the caller holds the lock. */
  readonly dir: string
  readonly signer: Signer
  readonly clock: Clock
  /** Trust domain, and identity of the companion for receipts about the session itself. */
  readonly principal: string
  readonly actor: string
  readonly policyHash: string
  /** `durable` where absent. */
  readonly durability?: Durability | undefined
  /** Seconds between heartbeats; 0 = none; 60 where absent. */
  readonly heartbeatSeconds?: number | undefined
  readonly limits?: Partial<ShardLimits> | undefined
  /** Receipts that wait for the disk before admissions are refused; 10,000 where absent. */
  readonly maxQueued?: number | undefined
  /** Intents without outcome before further ones are refused; 100,000 where absent. */
  readonly maxOpenIntents?: number | undefined
  /** Free bytes below which nothing is admitted, while outcomes still fit; 64 MiB where absent. */
  readonly lowWaterBytes?: number | undefined
  /** Days that a session is kept after its last receipt; 0 = for ever, also where absent. */
  readonly retentionDays?: number | undefined
  /** Wait before the first attempt to open a new session after a failure, doubled up to the maximum. */
  readonly reopenMs?: { readonly first: number; readonly max: number } | undefined
  /** Told of every fdatasync that succeeded, and how long it took. */
  readonly onSync?: ((tookMs: number) => void) | undefined
  /** The folder, where it is not the one on disk: for tests. */
  readonly files?: RecorderFiles | undefined
}

export interface RecorderSettings {
  readonly signer: Signer
  readonly clock: Clock
  readonly principal: string
  readonly actor: string
  readonly policyHash: string
  readonly durability: Durability
  readonly heartbeatSeconds: number
  readonly limits: ShardLimits
  readonly maxQueued: number
  readonly maxOpenIntents: number
  readonly lowWaterBytes: number
  readonly retentionDays: number
  readonly reopenMs: { readonly first: number; readonly max: number }
  readonly onSync: (tookMs: number) => void
  readonly files: RecorderFiles
}

/** What may wait, and what may be open, before admissions are refused. */
export const DEFAULT_QUEUE_LIMITS = { maxQueued: 10_000, maxOpenIntents: 100_000 } as const

const DEFAULTS = {
  ...DEFAULT_QUEUE_LIMITS,
  durability: 'durable',
  heartbeatSeconds: 60,
  lowWaterBytes: 67_108_864,
  retentionDays: 0,
  reopenMs: { first: 250, max: 30_000 },
  onSync: () => undefined,
} as const

export function settingsOf(options: RecorderOptions): RecorderSettings {
  const { dir, ...given } = options
  const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return {
    ...DEFAULTS,
    ...(chosen as Pick<RecorderOptions, 'signer' | 'clock' | 'principal' | 'actor' | 'policyHash'>),
    limits: { ...DEFAULT_SHARD_LIMITS, ...options.limits },
    files: options.files ?? createRecorderFolder(dir),
  }
}
