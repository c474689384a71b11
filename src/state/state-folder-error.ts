/** Why a state folder cannot be used. The message names the path and what was expected. */

export class StateFolderError extends Error {
  override readonly name = 'StateFolderError'
}
