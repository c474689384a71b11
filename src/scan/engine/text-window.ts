/**
 * The stretch of one view's text that is at hand: bytes under their positions in the view, and for decoded text the way back
 * to the original offsets. A stream keeps only what may still be needed.
 */

/** What was undone to get a byte of a view, as bits: a match tells which of them it owes itself to. */
export const UNDONE = { percent: 1, escape: 2, entity: 4, unicode: 8, base64: 16, hex: 32, base32: 64, separators: 128 } as const

export type UndoneName = keyof typeof UNDONE

const EMPTY = Buffer.alloc(0)
const FIRST_CAPACITY = 1024

export class TextWindow {
  /** Backing bytes; position `p` stands at `bytes[p - base]`. */
  bytes: Buffer = EMPTY
  base = 0
  /** Position behind the last byte. */
  end = 0
  /** First position that is still at hand. */
  floor = 0
  #isOwned = true
  #origins: Uint32Array | undefined
  #undone: Uint8Array | undefined
  #originEnd = 0

  /** @param isMapped whether positions differ from original offsets */
  constructor(isMapped: boolean) {
    if (!isMapped) return
    this.#origins = new Uint32Array(FIRST_CAPACITY)
    this.#undone = new Uint8Array(FIRST_CAPACITY)
    this.bytes = Buffer.alloc(FIRST_CAPACITY)
  }

  reset(): void {
    if (!this.#isOwned) this.bytes = EMPTY
    this.#isOwned = true
    this.base = 0
    this.end = 0
    this.floor = 0
  }

  /** Takes bytes without a copy; they must stay as they are until `reset` or `keepFrom`. For text that is not mapped. */
  adopt(bytes: Buffer, from: number, to: number): void {
    this.bytes = bytes
    this.#isOwned = false
    this.base = -from
    this.floor = 0
    this.end = to - from
  }

  /** Copies a chunk behind what is at hand. For text that is not mapped. */
  append(chunk: Buffer): void {
    if (this.end === this.floor) {
      this.bytes = chunk
      this.#isOwned = false
      this.base = this.end
      this.floor = this.end
      this.end += chunk.length
      return
    }
    if (!this.#isOwned || this.end - this.base + chunk.length > this.bytes.length) this.#own(this.end - this.floor + chunk.length)
    chunk.copy(this.bytes, this.end - this.base)
    this.end += chunk.length
  }

  /** Adds one byte of mapped text. */
  push(byte: number, origin: number, undone: number): void {
    const at = this.end - this.base
    if (at >= this.bytes.length) this.#own(2 * (this.end - this.floor) + FIRST_CAPACITY)
    const index = this.end - this.base
    this.bytes[index] = byte
    if (this.#origins !== undefined) this.#origins[index] = origin
    if (this.#undone !== undefined) this.#undone[index] = undone
    this.end++
  }

  /** Adds a span of another text as it is. Only for mapped text. */
  pushSpan(source: TextWindow, from: number, to: number): void {
    const length = to - from
    if (this.end - this.base + length > this.bytes.length) this.#own(2 * (this.end - this.floor + length) + FIRST_CAPACITY)
    const index = this.end - this.base
    source.bytes.copy(this.bytes, index, from - source.base, to - source.base)
    source.#copyOrigins(from, to, this.#origins, index)
    if (source.#undone === undefined) this.#undone?.fill(0, index, index + length)
    else this.#undone?.set(source.#undone.subarray(from - source.base, to - source.base), index)
    this.end += length
  }

  #copyOrigins(from: number, to: number, into: Uint32Array | undefined, index: number): void {
    if (into === undefined) return
    if (this.#origins === undefined) for (let at = from; at < to; at++) into[index + at - from] = at
    else into.set(this.#origins.subarray(from - this.base, to - this.base), index)
  }

  /** Original offset behind the last byte of mapped text. */
  set originEnd(origin: number) {
    this.#originEnd = origin
  }

  at(position: number): number {
    return this.bytes[position - this.base] ?? 0
  }

  /** @returns where `literal` next stands between the positions, or `undefined` */
  find(literal: Buffer, from: number, to: number): number | undefined {
    const index = this.bytes.subarray(0, Math.max(0, to - this.base)).indexOf(literal, from - this.base)
    return index < 0 ? undefined : index + this.base
  }

  /** @returns the bytes, not copied */
  slice(from: number, to: number): Buffer {
    return this.bytes.subarray(from - this.base, to - this.base)
  }

  text(from: number, to: number): string {
    return this.bytes.toString('latin1', from - this.base, to - this.base)
  }

  originOf(position: number): number {
    if (this.#origins === undefined) return position
    return position >= this.end ? this.#originEnd : (this.#origins[position - this.base] ?? 0)
  }

  undoneAt(position: number): number {
    return this.#undone?.[position - this.base] ?? 0
  }

  /** Adds bits to a byte: something that stood before it was left out. */
  markUndone(position: number, bits: number): void {
    if (this.#undone !== undefined) this.#undone[position - this.base] = bits | this.undoneAt(position)
  }

  /** @returns the bits of `UNDONE` of every byte in the span */
  undoneIn(from: number, to: number): number {
    if (this.#undone === undefined) return 0
    let bits = 0
    for (let at = from - this.base; at < to - this.base; at++) bits |= this.#undone[at] ?? 0
    return bits
  }

  /** Lets go of everything before `position`. A chunk that was not copied is copied now, as far as it is kept. */
  keepFrom(position: number): void {
    const from = Math.max(this.floor, Math.min(position, this.end))
    if (!this.#isOwned) {
      this.bytes = Buffer.from(this.bytes.subarray(from - this.base, this.end - this.base))
      this.base = from
      this.#isOwned = true
    }
    this.floor = from
  }

  /** Makes room: moves what is at hand to the front of an own buffer of at least `capacity` bytes. */
  #own(capacity: number): void {
    const from = this.floor - this.base
    const to = this.end - this.base
    if (this.#isOwned && capacity <= this.bytes.length) {
      this.bytes.copyWithin(0, from, to)
      this.#origins?.copyWithin(0, from, to)
      this.#undone?.copyWithin(0, from, to)
    } else {
      this.bytes = grown(this.bytes, Buffer.allocUnsafe(Math.max(capacity, 2 * (to - from))), from, to)
      if (this.#origins !== undefined) this.#origins = grown(this.#origins, new Uint32Array(this.bytes.length), from, to)
      if (this.#undone !== undefined) this.#undone = grown(this.#undone, new Uint8Array(this.bytes.length), from, to)
      this.#isOwned = true
    }
    this.base = this.floor
  }
}

function grown<T extends Uint8Array | Uint32Array>(old: T, larger: T, from: number, to: number): T {
  larger.set(old.subarray(from, to))
  return larger
}
