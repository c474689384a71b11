/** What the journal needs of a disk. `journal-file.ts` is the real one; a test injects one that fails. */

export interface JournalAppender {
  /** Appends all of it and makes it durable. */
  append(bytes: Buffer): Promise<void>
  close(): Promise<void>
}

export interface JournalContent {
  /** undefined where there is none. */
  readonly mark: Buffer | undefined
  /** By generation. */
  readonly journals: ReadonlyMap<number, Buffer>
}

/** Every method rejects with the operating system's error. */
export interface JournalFiles {
  /** Makes the folder where it is missing and reads what is in it. */
  read(): Promise<JournalContent>
  /** Writes a generation's file whole, durable with its name when this resolves; then it can be appended to. */
  create(generation: number, bytes: Buffer): Promise<JournalAppender>
  /** Removes all generations but one. */
  removeBut(generation: number): Promise<void>
  /** Writes one slot of the mark and makes it durable. */
  writeMark(slot: number, bytes: Buffer): Promise<void>
  /** Moves everything aside, where an operator can look at it. */
  setAside(): Promise<void>
  close(): Promise<void>
}

/** The machine's boot and how long it runs, which no step of the wall clock changes; undefined where it is not told. */
export type BootClock = () => { readonly id: string; readonly uptimeMs: number } | undefined
