/** Ed25519 keys: their files, their text, and signing with them. */

export { KeyError } from './key-error.ts'
export { createKeyFiles, loadOrCreatePrivateKey, loadPrivateKey, loadPublicKey, publicPath } from './key-file.ts'
export { type KeyPair, keyPairFromSeed, parsePublicKey } from './key-text.ts'
export { createSigner, fingerprintOf, type SigningBackend } from './signer.ts'
