/** The public keys of a companion in the two forms in which others fetch them. */

/** An envelope key as it is told to others. */
export interface PublishedKey {
  readonly keyId: string
  /** 64 hex digits. */
  readonly publicKeyHex: string
}

const DIRECTORY_PATH = '/.well-known/http-message-signatures-directory'

export interface KeyDocuments {
  /** Where the directory is served, without authentication. */
  readonly directoryPath: string
  /** JSON of the published directory form. */
  readonly directory: string
  /** JSON Web Key Set (RFC 7517, RFC 8037). */
  readonly jwks: string
}

export function encodeKeyDocuments(keys: readonly PublishedKey[]): KeyDocuments {
  return {
    directoryPath: DIRECTORY_PATH,
    directory: JSON.stringify({ keys: keys.map(({ keyId, publicKeyHex }) => ({ keyid: keyId, alg: 'ed25519', public_key: publicKeyHex, use: 'pipelock-mediation' })) }),
    jwks: JSON.stringify({ keys: keys.map(({ keyId, publicKeyHex }) => ({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', kid: keyId, x: Buffer.from(publicKeyHex, 'hex').toString('base64url') })) }),
  }
}
