/** What every command is given, and the exit code they share. */

/** What a command gets beside its own options. */
export interface CommandContext {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The command's exit code: 0 done, 1 refused or invalid, 2 could not run, 64 wrong usage. */
  setExit(code: number): void
}

export const EXIT_USAGE = 64
