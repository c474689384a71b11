/**
 * Whether the store is the one that holds what was spent. A store with another epoch, or whose server runs anew (a restart,
 * a failover: acknowledged writes may be gone), is lost until an operator adopts it, or until a window has passed in which
 * nothing was spent.
 */

import { randomBytes } from 'node:crypto'

import type { StoreFacts } from './redis-client.ts'
import { StoreError } from './store-error.ts'
import type { StoreIdentity, StoreMemory } from './store-memory.ts'

export type Continuity = 'same' | 'lost'

const EPOCH_BYTES = 16
const MAX_PAST_EPOCHS = 10

export interface EpochWriter {
  /** Writes the fields where there is no epoch yet. @returns whether it did */
  begin(fields: Readonly<Record<string, string>>): Promise<boolean>
  replace(fields: Readonly<Record<string, string>>): Promise<void>
}

export class StoreContinuity {
  readonly #memory: StoreMemory
  #known: StoreIdentity | undefined
  /** The epoch, and those that it replaced with an operator's consent: newest first, separated by spaces. */
  epochs = ''

  constructor(memory: StoreMemory, known: StoreIdentity | undefined) {
    this.#memory = memory
    this.#known = known
  }

  /** @throws {StoreError} where it must not be used at all */
  async look(facts: StoreFacts, writer: EpochWriter): Promise<Continuity> {
    const { epochs, run } = facts.epoch
    if (epochs === undefined && this.#known === undefined) return this.#begin(facts, writer)
    // Accounts of a lost store are used again once their window has passed, whichever epoch they are of.
    this.epochs = epochs ?? this.#known?.epoch ?? ''
    if (epochs === undefined || run !== facts.runId || !this.#isKnown(epochs)) return 'lost'
    await this.#accept(epochs, run)
    return 'same'
  }

  /** An operator decides to go on with what the store holds. */
  async adopt(facts: StoreFacts, writer: EpochWriter): Promise<void> {
    const epoch = randomBytes(EPOCH_BYTES).toString('hex')
    const past = [...this.epochs.split(' '), ...(facts.epoch['epochs'] ?? '').split(' '), this.#known?.epoch ?? '']
    const epochs = [epoch, ...new Set(past.filter((text) => text !== ''))].slice(0, MAX_PAST_EPOCHS).join(' ')
    await writer.replace({ epochs, run: facts.runId })
    await this.#accept(epochs, facts.runId)
  }

  #isKnown(epochs: string): boolean {
    return this.#known === undefined || epochs.split(' ').includes(this.#known.epoch)
  }

  async #begin(facts: StoreFacts, writer: EpochWriter): Promise<Continuity> {
    const epoch = randomBytes(EPOCH_BYTES).toString('hex')
    if (!(await writer.begin({ epochs: epoch, run: facts.runId }))) throw new StoreError('another process is making the store its own')
    await this.#accept(epoch, facts.runId)
    return 'same'
  }

  async #accept(epochs: string, runId: string): Promise<void> {
    const [epoch = ''] = epochs.split(' ')
    this.epochs = epochs
    if (this.#known?.epoch === epoch && this.#known.runId === runId) return
    this.#known = { epoch, runId }
    await this.#memory.write(this.#known)
  }
}
