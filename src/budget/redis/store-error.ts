/** Why a shared store cannot be used. Never holds the URL: there is a password in it. */

export class StoreError extends Error {
  override readonly name = 'StoreError'
}
