/** Why a receipt that had its place in the chain did not become durable, or the recorder cannot be opened. */

import type { Denial } from '../model/denial.ts'

/** What `Appended.durable` rejects with. The exchange must not go on; `denial` is what its caller is told. */
export class RecorderError extends Error {
  override readonly name = 'RecorderError'
  readonly denial: Denial

  /** @param options `denial`: where it is another than `receipt_unwritable` with the same detail */
  constructor(detail: string, options?: ErrorOptions & { readonly denial?: Denial }) {
    super(detail, options)
    this.denial = options?.denial ?? { reason: 'receipt_unwritable', detail }
  }
}

/** @returns the error's code (`ENOSPC`), else its name: fit for a log line, never a path or content */
export function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
