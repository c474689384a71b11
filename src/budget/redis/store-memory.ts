/** What a process remembers of its store, to notice when it is another one: its epoch and the server's run. */

export interface StoreIdentity {
  readonly epoch: string
  readonly runId: string
}

/** Where it is remembered across restarts. */
export interface StoreMemory {
  /** @returns undefined where there is none, or it cannot be read */
  read(): Promise<StoreIdentity | undefined>
  write(identity: StoreIdentity): Promise<void>
}
