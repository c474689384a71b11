/** What can be wrong with a key. Messages name the file and the expectation, never a byte of its content. */

export class KeyError extends Error {
  override readonly name = 'KeyError'
  /** Path of the key file, or the name of the setting that is at fault. */
  readonly subject: string

  constructor(subject: string, problem: string, options?: ErrorOptions) {
    super(`${subject}: ${problem}`, options)
    this.subject = subject
  }
}
