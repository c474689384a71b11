/** The replay window, as the verifier sees it: a nonce passes once per key, and what nobody can know is refused. */

/** What is burned of one verified request. Times are milliseconds since 1970. */
export interface NonceTicket {
  readonly keyId: string
  readonly nonce: string
  readonly createdMs: number
  /** Until then a copy would pass every other check: `expires` and the skew allowed for the past. */
  readonly keepUntilMs: number
}

/**
 * `fresh`: the first time. `replay`: seen before. `replay_capacity`: the window of the key is full, and no live nonce is
 * dropped for a new one. `replay_store`: the store does not answer. `replay_floor`: created when the window may not have
 * been watching. `expired` and `not_yet_valid`: by the clock of the window itself.
 */
export type BurnResult = 'fresh' | 'replay' | 'replay_capacity' | 'replay_store' | 'replay_floor' | 'expired' | 'not_yet_valid'

export interface ReplayWindow {
  /** What was created at or before it is refused; 0 where there is none. For a refusal before the signature is verified. */
  floorMs(): number
  /** Burns the nonce. To be called after the signature verified, and never before. */
  burn(ticket: NonceTicket): BurnResult | Promise<BurnResult>
}

/** What a process knows that cannot read back all it accepted before. */
export interface ReplayGap {
  /** Start of this process. */
  readonly startMs: number
  /** Time of the last receipt that could be read, where there is one. */
  readonly lastReceiptMs?: number
}

/**
 * The floor over such a gap: whatever was accepted was created before the last moment at which the process ran, or at most
 * the skew allowed for the future after it.
 */
export function replayFloorMs({ startMs, lastReceiptMs = 0 }: ReplayGap, futureSkewMs: number): number {
  return Math.max(startMs, lastReceiptMs) + futureSkewMs
}
