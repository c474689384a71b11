/** Whether the disk has room for new exchanges. Looked at each second and after much was written, never in the hot path. */

import type { RecorderFiles } from './recorder-files.ts'

/** Share of the low-water mark that may be written before the disk is looked at again. */
const CHECK_SHARE = 8

export class DiskSpace {
  readonly #files: RecorderFiles
  readonly #lowWaterBytes: number
  #freeBytes = 0
  #writtenBytes = 0
  #checking = false

  constructor(files: RecorderFiles, lowWaterBytes: number) {
    this.#files = files
    this.#lowWaterBytes = lowWaterBytes
  }

  get freeBytes(): number {
    return this.#freeBytes
  }

  /** Also where the disk cannot be asked: nothing is promised on an unknown disk. */
  get isLow(): boolean {
    return this.#freeBytes < this.#lowWaterBytes
  }

  noteWritten(bytes: number): void {
    this.#writtenBytes += bytes
    if (this.#writtenBytes * CHECK_SHARE > this.#lowWaterBytes) void this.check()
  }

  /** Never rejects. */
  async check(): Promise<void> {
    if (this.#checking) return
    this.#checking = true
    this.#writtenBytes = 0
    this.#freeBytes = await this.#files.freeBytes().catch(() => -1)
    this.#checking = false
  }
}
