/** SPIFFE ids (SPIFFE-ID §2, §2.3), strictly: nothing that two readers could take for two different names. */

export interface SpiffeId {
  /** Canonical text; equal ids have equal text. */
  readonly text: string
  readonly trustDomain: string
}

const MAX_BYTES = 2048
const KEY_ID_CHARACTERS = 8
const ID = /^spiffe:\/\/([a-z0-9]+(?:[.-][a-z0-9]+)*)((?:\/[A-Za-z0-9._-]+)+)$/
const MAX_DOMAIN_LENGTH = 253
const MAX_LABEL_LENGTH = 63
const DOMAIN = /^[a-z0-9]+(?:[.-][a-z0-9]+)*$/
const IPV4 = /^\d+(?:\.\d+){3}$/

/** @returns `undefined` where it is not one: upper-case domain, port, user, IP address, empty or dot segment, query, percent-encoding */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  if (text.length > MAX_BYTES) return undefined
  const [, trustDomain = '', path = ''] = ID.exec(text) ?? []
  if (!isTrustDomain(trustDomain) || path.split('/').some((segment) => segment === '.' || segment === '..')) return undefined
  return { text, trustDomain }
}

/** @returns whether it is a DNS name in lower case that can stand in a SPIFFE id */
export function isTrustDomain(text: string): boolean {
  return text.length <= MAX_DOMAIN_LENGTH && DOMAIN.test(text) && !IPV4.test(text) && text.split('.').every((label) => label.length <= MAX_LABEL_LENGTH)
}

/** @returns the actor of a profile: `spiffe://<trust domain>/agent/<name>`; what no segment takes becomes `-`, nothing `anonymous` */
function agentSpiffeId(trustDomain: string, profile: string): string {
  const name = profile.replace(/[^A-Za-z0-9._-]/g, '-').replace(/^-+|-+$/g, '')
  return `spiffe://${trustDomain}/agent/${name === '' || name === '.' || name === '..' ? 'anonymous' : name}`
}

/**
 * Who a profile is to other companions.
 *
 * @param fingerprint of the key that signs for it, `sha256:…`
 * @returns its actor, and a key id that no other organisation has: the actor and the start of the fingerprint
 */
export function agentIdentity(trustDomain: string, profile: string, fingerprint: string): { readonly actor: string; readonly keyId: string } {
  const actor = agentSpiffeId(trustDomain, profile)
  return { actor, keyId: `${actor}#${fingerprint.replace('sha256:', '').slice(0, KEY_ID_CHARACTERS)}` }
}
