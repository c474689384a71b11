/** Pairs each outcome with its intent, by run nonce and action id. An intent that has no outcome is open, never done. */

import type { ParsedReceipt } from './parse-receipt.ts'
import type { Reporter } from './run-rules.ts'

/** An action that was admitted and whose end is not in the evidence. */
export interface OpenAction {
  readonly actionId: string
  readonly target: string
  readonly actor: string
  readonly timestamp: string
  readonly sequence: number | string
}

type State = OpenAction | 'settled'

export class PhasePairs {
  readonly #actions = new Map<string, State>()

  /** @returns intents without outcome, in order of the chain */
  open(): OpenAction[] {
    return [...this.#actions.values()].filter((state) => state !== 'settled')
  }

  check({ record }: ParsedReceipt, sequence: number | string, reporter: Reporter): void {
    const phase = record.decision_phase
    if (phase === undefined || phase === '') return
    const key = `${record.run_nonce ?? ''}\0${record.action_id}`
    const state = this.#actions.get(key)
    if (phase === 'intent') {
      if (state !== undefined) reporter.fault('duplicate_phase', 'a second intent of the same action')
      else this.#actions.set(key, openAction(record, sequence))
    } else if (phase === 'outcome') {
      if (state === undefined) reporter.fault('outcome_without_intent', 'no intent of this action is before it')
      else if (state === 'settled') reporter.fault('duplicate_phase', 'a second outcome of the same action')
      else this.#actions.set(key, 'settled')
    } else reporter.warn('unknown_phase', 'decision_phase is neither intent nor outcome')
  }
}

function openAction(record: ParsedReceipt['record'], sequence: number | string): OpenAction {
  return { actionId: record.action_id, target: record.target, actor: record.actor, timestamp: record.timestamp, sequence }
}
