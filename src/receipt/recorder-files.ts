/**
 * What the recorder needs of a folder. `recorder-folder-file.ts` is the real one; a test injects one whose writes fail.
 * Names are file names inside the folder. Every method rejects (or calls back) with the operating system's error.
 */

export type Done = (error: Error | null) => void

/** One shard that is being written. Calls never overlap. Callbacks, since this is the hot path. */
export interface ShardWriter {
  /** Appends all of `bytes`. After an error any part of them may be in the file. */
  write(bytes: Buffer, done: Done): void
  /** fdatasync. After an error nothing may be assumed of what was written since the last one. */
  sync(done: Done): void
  close(): Promise<void>
}

export interface RecorderFiles {
  /** Makes the folder, mode 0750, where it is missing. */
  prepare(): Promise<void>
  list(): Promise<string[]>
  /** @returns at most the first `maxBytes` bytes of the file */
  read(name: string, maxBytes: number): Promise<Buffer>
  /** Makes a new file, mode 0600; fails with EEXIST where there is one. Its name is durable when this resolves. */
  create(name: string): Promise<ShardWriter>
  /** Writes a whole small file, durable when this resolves; replaces one of that name. */
  place(name: string, bytes: Buffer): Promise<void>
  /** Cuts the file to `length` bytes and makes that durable. With the length it has: makes its content durable. */
  truncate(name: string, length: number): Promise<void>
  /** Removes the file; missing is fine. Durable after the next `syncFolder`. */
  remove(name: string): Promise<void>
  syncFolder(): Promise<void>
  /** @returns bytes that this process may still write */
  freeBytes(): Promise<number>
}
