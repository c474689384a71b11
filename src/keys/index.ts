/** Ed25519 keys: their files, their text, and signing with them. */

export { createKeyFiles, loadOrCreatePrivateKey, loadPrivateKey } from './key-file.ts'
export { type KeyPair, keyPairFromSeed } from './key-text.ts'
export { createSigner, fingerprintOf, type SigningBackend } from './signer.ts'
