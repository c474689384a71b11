/**
 * A sum over a sliding window in 60 buckets. A bucket leaves when its end is one window old, so the sum never says less
 * than the exact window holds, and at most one bucket more. A window of 0 never ends.
 */

const BUCKETS = 60
/** Buckets that can hold a live amount at once: those of the window, the one it began in, the one of now. */
const SLOTS = BUCKETS + 2

export class SumWindow {
  #windowMs = 0
  #bucketMs = Infinity
  readonly #amounts = new Float64Array(SLOTS)
  /** Absolute numbers of the oldest and newest bucket that may hold an amount. */
  #oldest = 0
  #newest = 0
  #sum = 0

  /** @param windowMs 0 = never ends */
  constructor(windowMs: number) {
    this.#setWindow(windowMs)
  }

  get windowMs(): number {
    return this.#windowMs
  }

  /** As it was when last asked for. */
  get lastSum(): number {
    return this.#sum
  }

  /** Absolute number of the bucket of a moment. */
  bucketAt(atMs: number): number {
    return Math.floor(atMs / this.#bucketMs)
  }

  /** @param nowMs never less than before */
  sum(nowMs: number): number {
    this.#expire(nowMs)
    return this.#sum
  }

  amountOf(bucket: number): number {
    return bucket < this.#oldest || bucket > this.#newest ? 0 : (this.#amounts[bucket % SLOTS] ?? 0)
  }

  add(nowMs: number, amount: number): void {
    this.#expire(nowMs)
    this.#put(this.bucketAt(nowMs), amount)
  }

  /** Gives back what was taken at a moment, where its bucket still counts. */
  remove(atMs: number, amount: number, nowMs: number): void {
    this.#expire(nowMs)
    const bucket = this.bucketAt(atMs)
    const back = Math.min(amount, this.amountOf(bucket))
    if (back > 0) this.#put(bucket, -back)
  }

  /** Sets what a bucket holds, for state that is read back. Buckets come in any order, none of them after `nowMs`. */
  restore(bucket: number, amount: number, nowMs: number): void {
    if (this.#leavesAtMs(bucket) <= nowMs) return
    this.#expire(nowMs)
    if (this.#sum === 0) this.#oldest = this.#newest = bucket
    this.#oldest = Math.min(this.#oldest, bucket)
    this.#put(bucket, amount - this.amountOf(bucket))
  }

  /**
   * Changes the window and keeps what is known: each bucket's amount moves to the bucket of its end, or of now.
   * What had already left a shorter window does not come back in a longer one.
   */
  resize(windowMs: number, nowMs: number): void {
    if (windowMs === this.#windowMs) return
    this.#expire(nowMs)
    const held = this.buckets().map(({ bucket, amount }) => ({ amount, atMs: Math.min(nowMs, (bucket + 1) * this.#bucketMs) }))
    this.clear()
    this.#setWindow(windowMs)
    for (const { amount, atMs } of held) this.restore(this.bucketAt(atMs), amount + this.amountOf(this.bucketAt(atMs)), nowMs)
  }

  /** @returns the first moment from `fromMs` on at which the sum of then fits; Infinity = never */
  firstFitMs(fromMs: number, fits: (sum: number, atMs: number) => boolean): number {
    let left = this.#sum
    let atMs = fromMs
    for (let bucket = this.#oldest; bucket <= this.#newest; bucket++) {
      const amount = this.amountOf(bucket)
      if (amount === 0) continue
      const leavesAtMs = this.#leavesAtMs(bucket)
      if (leavesAtMs > atMs) {
        if (fits(left, atMs)) return atMs
        atMs = leavesAtMs
      }
      left -= amount
    }
    return fits(left, atMs) ? atMs : Infinity
  }

  /** @returns the buckets that hold something, oldest first */
  buckets(): { readonly bucket: number; readonly amount: number }[] {
    const held = []
    for (let bucket = this.#oldest; bucket <= this.#newest; bucket++) {
      const amount = this.amountOf(bucket)
      if (amount !== 0) held.push({ bucket, amount })
    }
    return held
  }

  clear(): void {
    this.#amounts.fill(0)
    this.#sum = 0
  }

  #setWindow(windowMs: number): void {
    this.#windowMs = windowMs
    this.#bucketMs = windowMs === 0 ? Infinity : Math.ceil(windowMs / BUCKETS)
    this.#oldest = this.#newest = 0
  }

  #put(bucket: number, amount: number): void {
    if (this.#sum === 0 && amount > 0) this.#oldest = this.#newest = bucket
    const at = bucket % SLOTS
    this.#amounts[at] = (this.#amounts[at] ?? 0) + amount
    this.#newest = Math.max(this.#newest, bucket)
    this.#sum += amount
  }

  #leavesAtMs(bucket: number): number {
    return (bucket + 1) * this.#bucketMs + this.#windowMs
  }

  #expire(nowMs: number): void {
    if (this.#sum === 0) return
    for (; this.#oldest <= this.#newest && this.#leavesAtMs(this.#oldest) <= nowMs; this.#oldest++) {
      const at = this.#oldest % SLOTS
      this.#sum -= this.#amounts[at] ?? 0
      this.#amounts[at] = 0
    }
  }
}
