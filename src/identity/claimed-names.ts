/** Names that callers give themselves: recorded beside the identity, never a reason for it. */

export interface Claim {
  /** The name as claimed, or the word `malformed`: text outside the alphabet of names is never passed on. */
  readonly name: string
  readonly wellFormed: boolean
  /** Whether it is the name of a profile other than the one the caller has: the event `identity_mismatch`. */
  readonly mismatch: boolean
}

const WELL_FORMED = /^[A-Za-z0-9._-]{1,64}$/
const MALFORMED = 'malformed'

/** A receipt and a log line must stay small whatever a caller sends. */
const MAX_CLAIMS = 8

/**
 * Compares the claims, byte for byte, with the profiles there are: cleaning a name first would let one claim look like another.
 *
 * @param resolved profile that the caller has
 * @returns at most 8 different claims, mismatches first, then malformed ones
 */
export function checkClaims(claimed: readonly string[], resolved: string, profiles: { has(name: string): boolean }): Claim[] {
  const claims = new Map<string, Claim>()
  for (const text of claimed) {
    const wellFormed = WELL_FORMED.test(text)
    const name = wellFormed ? text : MALFORMED
    // Told apart by both, since `malformed` is also a name that can be claimed.
    claims.set(`${name} ${wellFormed}`, { name, wellFormed, mismatch: wellFormed && name !== resolved && profiles.has(name) })
  }
  return [...claims.values()].sort((a, b) => weightOf(b) - weightOf(a)).slice(0, MAX_CLAIMS)
}

function weightOf({ mismatch, wellFormed }: Claim): number {
  if (mismatch) return 2
  return wellFormed ? 0 : 1
}
