/** Ed25519 keys: their files, their text, and signing with them. */

export { createKeyFiles, loadOrCreatePrivateKey, loadPrivateKey } from './key-file.ts'
export { keyPairFromSeed } from './key-text.ts'
export { createSigner, fingerprintOf } from './signer.ts'
