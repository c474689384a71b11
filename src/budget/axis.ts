/**
 * The axes of a budget: one row each. The kind says how an axis counts (`meters/` has one file per kind); to add an axis
 * is one row here, its refusal in model/block-reason.ts, and its test.
 */

export type AxisKind =
  /** Amounts of a sliding window together. */
  | 'sum'
  /** Distinct keys used in a sliding window. */
  | 'set'
  /** Reservations that have not ended. */
  | 'in_flight'
  /** Distinct keys of reservations that have not ended. */
  | 'targets_in_flight'
  /** Attempts on a key that come after a failure, or beside an unknown outcome, with no success since. */
  | 'retry'
  /** Attempts on a key, whatever became of them. */
  | 'repeat'
  /** Failures of a key in a row. */
  | 'failures_in_row'
  /** Time since the first attempt of a session. */
  | 'elapsed'
  /** Rounds of a cycle of keys. */
  | 'cycle'

interface AxisSpec {
  readonly kind: AxisKind
  readonly unit: 'requests' | 'bytes' | 'calls' | 'destinations' | 'targets' | 'retries' | 'failures' | 'milliseconds' | 'rounds'
  /** Block reason of a refusal. */
  readonly reason: string
}

export const AXES = {
  requests: { kind: 'sum', unit: 'requests', reason: 'budget_requests' },
  bytes: { kind: 'sum', unit: 'bytes', reason: 'budget_bytes' },
  tool_calls: { kind: 'sum', unit: 'calls', reason: 'budget_tool_calls' },
  destinations: { kind: 'set', unit: 'destinations', reason: 'budget_destinations' },
  fan_out: { kind: 'set', unit: 'targets', reason: 'budget_fan_out' },
  concurrent_requests: { kind: 'in_flight', unit: 'requests', reason: 'budget_concurrency' },
  concurrent_tool_calls: { kind: 'in_flight', unit: 'calls', reason: 'budget_concurrency' },
  parallel_targets: { kind: 'targets_in_flight', unit: 'targets', reason: 'budget_fan_out' },
  /** Only what comes after a failure is a retry. */
  retries_per_endpoint: { kind: 'retry', unit: 'retries', reason: 'budget_retries_endpoint' },
  /** What runs beside an attempt with unknown outcome is a retry, too. */
  retries_per_tool: { kind: 'retry', unit: 'retries', reason: 'budget_retries_tool' },
  identical_tool_calls: { kind: 'repeat', unit: 'calls', reason: 'budget_retries_tool' },
  tool_failures: { kind: 'failures_in_row', unit: 'failures', reason: 'budget_retries_tool' },
  wall_clock: { kind: 'elapsed', unit: 'milliseconds', reason: 'budget_wall_clock' },
  loops: { kind: 'cycle', unit: 'rounds', reason: 'budget_loop' },
} as const satisfies Record<string, AxisSpec>

export type AxisName = keyof typeof AXES

export const AXIS_NAMES = Object.keys(AXES) as readonly AxisName[]
