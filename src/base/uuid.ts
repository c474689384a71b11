/** UUID version 7 (RFC 9562 §5.7): time-ordered identifiers out of a pool of random bytes. */

import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 4096
const RANDOM_BYTES_PER_ID = 10

const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/** @param nowMs milliseconds since 1970 */
export function uuidV7(nowMs: number): string {
  if (used + RANDOM_BYTES_PER_ID > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const time = nowMs.toString(16).padStart(12, '0')
  const random = pool.toString('hex', used, used + RANDOM_BYTES_PER_ID)
  // Version 7 in the third group; the variant bits 10 in the fourth.
  const variant = ((pool[used + 2] ?? 0) & 0x3f | 0x80).toString(16)
  used += RANDOM_BYTES_PER_ID
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(6, 8)}-${random.slice(8)}`
}
