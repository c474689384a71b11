/** A lease of the shared store, as the process that holds it knows it. */

import type { AxisName } from '../axis.ts'
import type { Lease, ReserveRequest } from '../ledger.ts'
import type { AxisPlace } from './account-keys.ts'

export class StoreLease implements Lease {
  readonly subject: string
  readonly attempt: string
  readonly places = new Map<AxisName, AxisPlace>()
  readonly #onLost: (() => void) | undefined
  /** Monotonic: when the attempt's time runs out, and when the store was last asked to keep the lease with success. */
  deadlineMs: number
  keptMs: number
  /** `lost`: the store no longer vouches for it. */
  state: 'live' | 'lost' | 'expired' | 'ended' = 'live'

  constructor({ subject, attempt, ttlMs, onLost }: ReserveRequest, nowMs: number) {
    this.subject = subject
    this.attempt = attempt
    this.deadlineMs = nowMs + ttlMs
    this.keptMs = nowMs
    this.#onLost = onLost
  }

  lose(): void {
    if (this.state !== 'live') return
    this.state = 'lost'
    this.#onLost?.()
  }
}
