/**
 * The sub-chain of each agent inside a session: a receipt names the one before it of the same agent, so that one agent's
 * receipts verify without the others'. Who the agent is does not matter here: each sub-chain has one end, and each
 * reference must hit one.
 */

import type { ParsedReceipt } from './parse-receipt.ts'
import { agentPrevOf } from './reference-text.ts'
import type { Reporter } from './run-rules.ts'

export class AgentChains {
  /** Ends by hash, with their sequence. */
  readonly #ends = new Map<string, bigint>()

  check({ record, hash }: ParsedReceipt, reporter: Reporter): void {
    const previous = agentPrevOf(record)
    if (previous === undefined) return
    if (previous === 'malformed') reporter.fault('agent_chain_broken', 'agent-prev is not of the form <seq>:<hash> or none')
    else if (previous !== 'none') {
      const end = this.#ends.get(previous.hash)
      if (end === undefined) reporter.fault('agent_chain_broken', 'agent-prev names no receipt that ends an agent\'s chain')
      else if (end !== previous.seq) reporter.fault('agent_chain_broken', 'agent-prev names another sequence than the receipt has')
      this.#ends.delete(previous.hash)
    }
    this.#ends.set(hash, BigInt(record.chain_seq))
  }
}
