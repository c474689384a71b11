/** What signs evidence, as its users see it. `keys/` makes one; the key itself never leaves there. */

export interface Signer {
  /** 64 lower-case hex characters: the raw Ed25519 public key. */
  readonly publicKeyHex: string
  /** `sha256:` and the hex SHA-256 of the 32 raw bytes of the public key. */
  readonly fingerprint: string
  /** @returns the 64 bytes of the Ed25519 signature (RFC 8032, no pre-hash) over exactly `bytes` */
  sign(bytes: Uint8Array): Buffer
}
