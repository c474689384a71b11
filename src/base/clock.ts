/** Time as a dependency. */

export interface Clock {
  /** Milliseconds since 1970, UTC. Can step. */
  nowMs(): number
  /** Milliseconds since an arbitrary start. Never steps back. */
  monotonicMs(): number
}

export const SYSTEM_CLOCK: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}

export interface ManualClock extends Clock {
  advance(ms: number): void
}

/** A clock that stands still until it is moved: for tests. */
export function createManualClock(startMs = 1_700_000_000_000): ManualClock {
  let now = startMs
  return {
    nowMs: () => now,
    monotonicMs: () => now - startMs,
    advance: (ms) => {
      now += ms
    },
  }
}
