/**
 * A sum over the last minute in fixed memory: amounts fall into slots of 100 ms, and a slot leaves the window when its
 * newest amount is a minute old. So no minute ever holds more than the sum says, and what came alone leaves on the dot.
 */

const WINDOW_MS = 60_000
const SLOT_MS = 100
/** Slots that can hold a live amount at once: those of the window, and the one it began in. */
const SLOTS = WINDOW_MS / SLOT_MS + 1

export class SlidingWindow {
  readonly #amounts = new Float64Array(SLOTS)
  /** Time of the newest amount of each slot. */
  readonly #newestMs = new Float64Array(SLOTS)
  /** Absolute number of the oldest slot that may still hold an amount. */
  #oldest = 0
  #sum = 0

  /** @param nowMs monotonic milliseconds, at least 0, never less than before */
  sum(nowMs: number): number {
    this.#expire(nowMs)
    return this.#sum
  }

  add(nowMs: number, amount: number): void {
    this.#expire(nowMs)
    const at = slotAt(nowMs) % SLOTS
    this.#amounts[at] = (this.#amounts[at] ?? 0) + amount
    this.#newestMs[at] = nowMs
    this.#sum += amount
  }

  /** @returns milliseconds from `nowMs` until the sum is below `limit` if nothing is added; 0 where it is so now */
  msUntilBelow(limit: number, nowMs: number): number {
    this.#expire(nowMs)
    let left = this.#sum
    let waitMs = 0
    for (let slot = this.#oldest; left >= limit && slot <= slotAt(nowMs); slot++) {
      const amount = this.#amounts[slot % SLOTS] ?? 0
      if (amount === 0) continue
      left -= amount
      waitMs = (this.#newestMs[slot % SLOTS] ?? 0) + WINDOW_MS - nowMs
    }
    return waitMs
  }

  #expire(nowMs: number): void {
    const current = slotAt(nowMs)
    if (current - this.#oldest >= SLOTS) this.#dropRingBefore(current)
    while (this.#oldest < current && this.#isStale(this.#oldest % SLOTS, nowMs)) {
      this.#clear(this.#oldest % SLOTS)
      this.#oldest++
    }
  }

  /** After a long rest: what is a whole ring older than `current` is stale, and there are no more slots than the ring has. */
  #dropRingBefore(current: number): void {
    const first = current - SLOTS + 1
    const last = Math.min(first, this.#oldest + SLOTS)
    for (let slot = this.#oldest; slot < last; slot++) this.#clear(slot % SLOTS)
    this.#oldest = first
  }

  #isStale(at: number, nowMs: number): boolean {
    return this.#amounts[at] === 0 || (this.#newestMs[at] ?? 0) + WINDOW_MS <= nowMs
  }

  #clear(at: number): void {
    this.#sum -= this.#amounts[at] ?? 0
    this.#amounts[at] = 0
  }
}

function slotAt(nowMs: number): number {
  return Math.floor(nowMs / SLOT_MS)
}
