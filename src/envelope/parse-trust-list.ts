/** The trust list out of its configuration shape: every fault with its dotted path, and no list where there is one. */

import { createPublicKey, type KeyObject } from 'node:crypto'

import type { Dialect } from './coverage.ts'
import { isTrustDomain, parseSpiffeId } from './spiffe-id.ts'
import type { TrustedKey, TrustList } from './trust-list.ts'

export interface TrustProblem {
  /** For example `trust_list[1].actors[0]`. */
  readonly path: string
  /** `expected …`; never quotes a value. */
  readonly message: string
}

const MEMBERS = ['key_id', 'public_key', 'receipt_keys', 'trust_domains', 'actors', 'methods', 'paths', 'not_before', 'not_after', 'revoked', 'dialect'] as const
type Member = (typeof MEMBERS)[number]

const KEY_ID = /^[\x21-\x7e]{1,512}$/
const METHOD = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,32}$/
const PATH = /^\/[\x21-\x7e]*$/
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/
const HEX_KEY = /^[0-9a-fA-F]{64}$/
const VERSIONED_KEY = /^pipelock-ed25519-public-v1\n([A-Za-z0-9+/]{43}=)\n?$/
const MAX_ENTRIES = 10_000

/** Points of small order: a signature under such a key proves nothing, since anybody can make one. Sign bit cleared. */
const WEAK_KEYS: ReadonlySet<string> = new Set([
  '00'.repeat(32), `01${'00'.repeat(31)}`, `ec${'ff'.repeat(30)}7f`, `ed${'ff'.repeat(30)}7f`, `ee${'ff'.repeat(30)}7f`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
])

/**
 * @param entries as the configuration or a JSON file has them: a list of mappings
 * @param path of the list, the start of every problem's path
 */
export function parseTrustList(entries: unknown, path = 'trust_list'): TrustList | { readonly problems: readonly TrustProblem[] } {
  const problems: TrustProblem[] = []
  if (!Array.isArray(entries) || entries.length === 0 || entries.length > MAX_ENTRIES) return { problems: [{ path, message: `expected a list of 1 to ${MAX_ENTRIES} keys` }] }
  const keys = entries.map((entry: unknown, at) => new EntryReader(entry, `${path}[${at}]`, problems).read())
  checkUnique(keys, path, problems)
  return problems.length > 0 ? { problems } : new Map(keys.map((key) => [key.keyId, key]))
}

/** One key under two ids could be revoked under one and used under the other. */
function checkUnique(keys: readonly TrustedKey[], path: string, problems: TrustProblem[]): void {
  const ids = new Set<string>()
  const texts = new Set<string>()
  for (const [at, { keyId, publicKeyHex }] of keys.entries()) {
    if (ids.has(keyId)) problems.push({ path: `${path}[${at}].key_id`, message: 'expected an id that no other key of the list has' })
    if (texts.has(publicKeyHex)) problems.push({ path: `${path}[${at}].public_key`, message: 'expected a key that stands once in the list' })
    ids.add(keyId)
    // A key that did not parse has been told already.
    if (publicKeyHex !== '') texts.add(publicKeyHex)
  }
}

class EntryReader {
  readonly #entry: ReadonlyMap<string, unknown>
  readonly #path: string
  readonly #problems: TrustProblem[]

  constructor(entry: unknown, path: string, problems: TrustProblem[]) {
    this.#path = path
    this.#problems = problems
    const isMapping = typeof entry === 'object' && entry !== null && !Array.isArray(entry)
    if (!isMapping) problems.push({ path, message: 'expected a mapping' })
    this.#entry = new Map(isMapping ? Object.entries(entry) : [])
    for (const key of this.#entry.keys()) {
      if (!(MEMBERS as readonly string[]).includes(key)) problems.push({ path: `${path}.${key}`, message: `expected one of ${MEMBERS.join(', ')}` })
    }
  }

  read(): TrustedKey {
    const trustDomains = this.#texts('trust_domains', isTrustDomain, 'a DNS name in lower case')
    if (trustDomains?.length === 0 || !this.#entry.has('trust_domains')) this.#fault('trust_domains', 'expected at least one trust domain')
    const domains = new Set(trustDomains)
    const isActor = (text: string): boolean => domains.has(parseSpiffeId(text.endsWith('/*') ? text.slice(0, -2) + '/x' : text)?.trustDomain ?? '')
    const publicKeyHex = this.#key(this.#entry.get('public_key'), 'public_key')
    const window = { notBeforeMs: this.#time('not_before'), notAfterMs: this.#time('not_after') }
    if (window.notBeforeMs !== undefined && window.notAfterMs !== undefined && window.notAfterMs <= window.notBeforeMs) this.#fault('not_after', 'expected a time after not_before')
    const methods = this.#texts('methods', (text) => METHOD.test(text), 'a method')
    return {
      keyId: this.#keyId(),
      publicKey: publicKeyOf(publicKeyHex),
      publicKeyHex,
      receiptKeys: this.#receiptKeys(),
      trustDomains: domains,
      ...defined({ actors: this.#texts('actors', isActor, 'a SPIFFE id of one of the trust domains, or one that ends in /*') }),
      ...defined({ methods: methods === undefined ? undefined : new Set(methods) }),
      ...defined({ paths: this.#texts('paths', isPathPattern, 'a path without * except at its end, behind a slash') }),
      ...defined(window),
      revoked: this.#flag('revoked'),
      dialect: this.#dialect(),
    }
  }

  #fault(member: string, message: string): void {
    this.#problems.push({ path: `${this.#path}.${member}`, message })
  }

  #keyId(): string {
    const text = this.#entry.get('key_id')
    if (typeof text === 'string' && KEY_ID.test(text)) return text
    this.#fault('key_id', 'expected a text of printable ASCII without spaces')
    // No other entry must be told to have the same one.
    return `${this.#path}.key_id`
  }

  #key(value: unknown, member: string): string {
    const hex = typeof value === 'string' ? keyHex(value) : undefined
    if (hex === undefined) this.#fault(member, 'expected an Ed25519 public key: 64 hex digits, or pipelock-ed25519-public-v1 text')
    else if (isWeak(hex)) this.#fault(member, 'expected a key that is no point of small order')
    return hex ?? ''
  }

  #receiptKeys(): string[] {
    const value = this.#entry.get('receipt_keys')
    if (value === undefined) return []
    if (Array.isArray(value)) return value.map((one: unknown, at) => this.#key(one, `receipt_keys[${at}]`))
    this.#fault('receipt_keys', 'expected a list')
    return []
  }

  /** An empty list and an absent one differ: the first allows nothing. */
  #texts(member: Member, isValid: (text: string) => boolean, expected: string): string[] | undefined {
    const value = this.#entry.get(member)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) {
      this.#fault(member, 'expected a list')
      return []
    }
    return value.map((one: unknown, at) => {
      if (typeof one === 'string' && isValid(one)) return one
      this.#fault(`${member}[${at}]`, `expected ${expected}`)
      return ''
    })
  }

  #time(member: Member): number | undefined {
    const value = this.#entry.get(member)
    if (value === undefined) return undefined
    const time = typeof value === 'string' && TIME.test(value) ? Date.parse(value) : Number.NaN
    if (!Number.isNaN(time)) return time
    this.#fault(member, 'expected a time like 2026-01-31T12:00:00Z')
    return undefined
  }

  #flag(member: Member): boolean {
    const value = this.#entry.get(member)
    if (value === undefined || typeof value === 'boolean') return value ?? false
    this.#fault(member, 'expected true or false')
    return true
  }

  #dialect(): Dialect {
    const value = this.#entry.get('dialect')
    if (value === undefined) return 'pipelock'
    if (value === 'pipelock' || value === 'chaperone') return value
    this.#fault('dialect', 'expected pipelock or chaperone')
    return 'chaperone'
  }
}

/** @returns 64 lower-case hex digits, or `undefined` where the text is no key */
export function keyHex(text: string): string | undefined {
  const trimmed = text.trim()
  if (HEX_KEY.test(trimmed)) return trimmed.toLowerCase()
  const [, encoded] = VERSIONED_KEY.exec(trimmed) ?? []
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('hex')
}

/** @param hex 64 hex digits; an unparsable key, told already, gives one that verifies nothing */
export function publicKeyOf(hex: string): KeyObject {
  const x = Buffer.from(hex.padEnd(64, '7'), 'hex').toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

function isWeak(hex: string): boolean {
  const bytes = Buffer.from(hex, 'hex')
  bytes[31] = (bytes[31] ?? 0) & 0x7f
  return WEAK_KEYS.has(bytes.toString('hex'))
}

function isPathPattern(text: string): boolean {
  return PATH.test(text) && !text.replace(/\/\*$/, '').includes('*') && !text.includes('?')
}

function defined<T extends Record<string, unknown>>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: NonNullable<T[K]> }
}
