/**
 * Credit of a sum: a block of units made durable in the bucket of now. It ends with the bucket, so that after a crash nothing
 * counts as spent earlier than it was. A block is a 64th of the limit: a crash loses at most that, and a window costs few writes.
 */

import type { AxisName } from '../axis.ts'
import type { Fit } from '../check-demands.ts'
import type { SumMeter } from '../meters/sum.ts'
import { SumWindow } from '../meters/sum-window.ts'
import type { Fact } from '../row.ts'
import type { Credit } from './credit.ts'

const BLOCKS_PER_LIMIT = 64
const NONE = -1

export class SumCredit implements Credit {
  readonly #axis: AxisName
  readonly #meter: SumMeter
  /** The bucket that the credit is in, what of it is durable, and the window it belongs to. */
  #bucket = NONE
  #amount = 0
  #windowMs = NONE

  constructor(axis: AxisName, meter: SumMeter) {
    this.#axis = axis
    this.#meter = meter
  }

  cover(fit: Fit, nowMs: number, waiting: number): Fact[] {
    const { window } = this.#meter
    const bucket = window.bucketAt(nowMs)
    const held = window.amountOf(bucket)
    const isSameWindow = this.#windowMs === window.windowMs
    if (fit.amount === 0 || (isSameWindow && bucket === this.#bucket && held + fit.amount <= this.#amount)) return []
    const block = Math.max(Math.ceil(fit.limit / BLOCKS_PER_LIMIT), fit.amount * waiting)
    const room = fit.demand.action === 'warn' ? block : fit.limit - fit.used
    const raised = this.#fact(bucket, held + Math.max(fit.amount, Math.min(block, room)))
    // Facts of another window are void on reading back: then all buckets are told anew, in the same line.
    return [...(isSameWindow ? this.#trimmed(bucket) : this.#buckets(bucket)), raised]
  }

  spend(): void {
    // The meter's own amount says how much is left.
  }

  confirm(fact: Fact): void {
    if (fact.kind !== 'sum' || (fact.windowMs === this.#windowMs && fact.bucket < this.#bucket)) return
    this.#windowMs = fact.windowMs
    this.#bucket = fact.bucket
    this.#amount = fact.amount
  }

  restore(fact: Fact, nowMs: number): void {
    if (fact.kind !== 'sum') return
    if (fact.windowMs !== this.#meter.window.windowMs) this.#meter.window = new SumWindow(fact.windowMs)
    this.#meter.window.restore(fact.bucket, fact.amount, nowMs)
  }

  changed(): Fact[] {
    return []
  }

  reset(): void {
    this.#bucket = NONE
    this.#windowMs = NONE
    this.#amount = 0
  }

  snapshot(nowMs: number): Fact[] {
    const { window } = this.#meter
    window.sum(nowMs)
    if (this.#windowMs !== window.windowMs) return this.#buckets(NONE)
    const isAhead = this.#amount > window.amountOf(this.#bucket) && this.#bucket === window.bucketAt(nowMs)
    return isAhead ? [...this.#buckets(this.#bucket), this.#fact(this.#bucket, this.#amount)] : this.#buckets(NONE)
  }

  /** What is left of the credit of an earlier bucket is not needed any more. */
  #trimmed(bucket: number): Fact[] {
    const spent = this.#meter.window.amountOf(this.#bucket)
    return this.#bucket !== bucket && this.#bucket !== NONE && this.#amount > spent ? [this.#fact(this.#bucket, spent)] : []
  }

  #buckets(except: number): Fact[] {
    return this.#meter.window.buckets().flatMap(({ bucket, amount }) => (bucket === except ? [] : [this.#fact(bucket, amount)]))
  }

  #fact(bucket: number, amount: number): Fact {
    return { kind: 'sum', axis: this.#axis, windowMs: this.#meter.window.windowMs, bucket, amount }
  }
}
