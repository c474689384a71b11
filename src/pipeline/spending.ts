/**
 * What one exchange has reserved of its profile's budget, from the moment it was admitted to its end. Bytes are reserved
 * before they flow: what `take` does not give must not be passed on.
 */

import { isRefused, type BudgetLedger, type Demand, type Granted, type Lease, type Refused, type Settlement } from '../budget/index.ts'

export interface SpendingOptions {
  readonly ledger: BudgetLedger
  readonly granted: Granted
  /** The demand of bytes; absent: they are unlimited. */
  readonly bytes?: Demand
  /** What of the first grant of bytes is for the request body. */
  readonly bodyBytes: number
  /** Taken at once where more is needed, so that a distant store is not asked for each chunk; 0 = only what is needed. */
  readonly aheadBytes: number
  /** Told of limits passed in warn mode. */
  readonly onCrossings: (crossings: Granted['crossings']) => void
}

export class Spending {
  readonly #options: SpendingOptions
  readonly #lease: Lease
  /** Reserved and not yet used. */
  #credit = 0
  #used = 0
  #refused: Refused | undefined
  /** One reservation at a time: answers about one lease must not overtake each other. */
  #running: Promise<unknown> | undefined
  #isOver = false
  #noticeBytes = 0

  constructor(options: SpendingOptions) {
    this.#options = options
    this.#lease = options.granted.lease
    const given = options.bytes === undefined ? 0 : (options.granted.partial.get('bytes') ?? options.bytes.amount ?? 0)
    this.#used = options.bodyBytes
    this.#credit = Math.max(0, given - options.bodyBytes)
  }

  /** Whether bytes are limited at all. */
  get limitsBytes(): boolean {
    return this.#options.bytes !== undefined
  }

  /** Whether bytes over the limit are kept back, and not only told. */
  get refusesBytes(): boolean {
    return this.#options.bytes?.action === 'block'
  }

  /** Why the last `take` or `ensure` gave less than was asked for. */
  get refused(): Refused | undefined {
    return this.#refused
  }

  /** What is said at the cut counts. */
  cut(): void {
    this.#used += this.#noticeBytes
    this.#noticeBytes = 0
  }

  /** @returns how many of `wanted` bytes may flow now: fewer only where the limit is reached; they count as used */
  take(wanted: number): number | Promise<number> {
    const have = this.ensure(wanted, 1)
    return have instanceof Promise ? have.then(() => this.#use(wanted)) : this.#use(wanted)
  }

  /**
   * Reserves ahead of use.
   *
   * @param least what is worth having where `wanted` does not fit whole
   * @returns whether `wanted` bytes may be taken without a further reservation
   */
  ensure(wanted: number, least: number): boolean | Promise<boolean> {
    const { ledger, bytes } = this.#options
    if (bytes === undefined || wanted <= this.#credit) return true
    if (this.#running !== undefined) return this.#running.then(() => this.ensure(wanted, least))
    this.#refused = undefined
    const missing = wanted - this.#credit
    const { axis, limit, windowMs, action } = bytes
    const amount = Math.max(missing, this.#options.aheadBytes)
    // A part would do where the rest is refused; where it is only told, the whole must be seen to pass the limit.
    const part = action === 'block' ? { atLeast: Math.min(missing, Math.max(1, least - this.#credit)) } : {}
    const answer = ledger.reserveMore(this.#lease, { axis, limit, windowMs, action, amount, ...part })
    // What fits only in part is asked for once more: the refusal says of which limit.
    if (!(answer instanceof Promise)) return this.#add(answer, amount) ? false : this.ensure(wanted, least)
    const running = answer.then((given) => {
      this.#running = undefined
      return this.#add(given, amount) ? false : this.ensure(wanted, least)
    })
    this.#running = running
    return running
  }

  /** Keeps bytes that `ensure` has reserved for what is said when the answer is cut. */
  keepForNotice(bytes: number): void {
    this.#noticeBytes = Math.min(bytes, this.#credit)
    this.#credit -= this.#noticeBytes
  }

  /** Once; later calls do nothing. @param settlement without the bytes, which are known here */
  settle({ outcome, used = {} }: Settlement): void {
    if (this.#isOver) return
    this.#isOver = true
    const bytes = this.limitsBytes ? { bytes: this.#used } : {}
    void this.#options.ledger.settle(this.#lease, { outcome, used: { ...bytes, ...used } })
  }

  /** Gives everything back: nothing has left. Once, and instead of `settle`. */
  refund(): void {
    if (this.#isOver) return
    this.#isOver = true
    void this.#options.ledger.refund(this.#lease)
  }

  #use(wanted: number): number {
    if (!this.limitsBytes) return wanted
    const given = Math.min(wanted, this.#credit)
    this.#credit -= given
    this.#used += given
    return given
  }

  /** @returns whether it was refused */
  #add(answer: Granted | Refused, asked: number): boolean {
    if (isRefused(answer)) {
      this.#refused = answer
      return true
    }
    this.#credit += answer.partial.get('bytes') ?? asked
    if (answer.crossings.length > 0) this.#options.onCrossings(answer.crossings)
    return false
  }
}
