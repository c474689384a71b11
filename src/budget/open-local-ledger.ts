/** Makes the ledgers of one process: with nothing on disk, or with a journal that is read back first. */

import type { Clock } from '../base/clock.ts'
import { createCredit } from './credits/create-credit.ts'
import { createJournalFolder, readBootClock } from './journal/journal-file.ts'
import type { BootClock, JournalFiles } from './journal/journal-files.ts'
import { Journal } from './journal/journal.ts'
import { readJournal, type Recovered } from './journal/read-journal.ts'
import { createLedgerTime, startOfTimeMs } from './ledger-time.ts'
import type { BudgetLedger, Lease } from './ledger.ts'
import { LocalLedger } from './local-ledger.ts'

export interface LedgerOptions {
  readonly clock: Clock
  /** Accounts at a time; 10,000 where absent. */
  readonly maxSubjects?: number
  /** A lease outlived its time: whoever held it failed to end it. */
  readonly onExpired?: (lease: Lease) => void
}

export interface JournalLedgerOptions extends LedgerOptions {
  /** Folder of the journal alone, made where it is missing. The caller sees to it that one process at a time uses it. */
  readonly dir: string
  /** For tests that need a disk that fails or a machine that restarts. */
  readonly files?: JournalFiles
  readonly bootClock?: BootClock
}

/** @returns a ledger that forgets everything with its process, and answers at once */
export function createMemoryLedger({ clock, ...options }: LedgerOptions): BudgetLedger {
  return new LocalLedger({ ...options, nowMs: createLedgerTime(clock, clock.nowMs()) })
}

/**
 * @returns a ledger whose spend survives its process. Where the journal is cut or damaged it refuses everything with
 *   `state_unreadable` until `adopt` sets the damaged files aside and begins anew.
 */
export async function openJournalLedger({ clock, dir, files = createJournalFolder(dir), bootClock = readBootClock, ...options }: JournalLedgerOptions): Promise<BudgetLedger> {
  const recovered = await files.read().then(readJournal, () => undefined)
  const lastMs = Math.max(0, ...(recovered?.entries ?? []).map(({ nowMs }) => nowMs))
  const nowMs = createLedgerTime(clock, startOfTimeMs(clock, bootClock, lastMs, recovered?.header))
  const ledger = new LocalLedger({ ...options, nowMs, creditFor: createCredit })
  const keepAfter = async (after: Pick<Recovered, 'generation' | 'serial'>): Promise<boolean> => {
    const journal = new Journal({ files, nowMs, bootClock, snapshot: () => ledger.snapshot(), after })
    ledger.keepIn(journal)
    return journal.start()
  }
  if (recovered === undefined) {
    ledger.lose('state_unreadable', async () => {
      const isAside = await files.setAside().then(() => true, () => false)
      return isAside && (await keepAfter({ generation: 0, serial: 0 }))
    })
    return ledger
  }
  for (const { rows } of recovered.entries) ledger.restore(rows)
  await keepAfter(recovered)
  return ledger
}
