/**
 * The `Pipelock-Mediation` header, a dictionary in fixed order: what a companion says of the call that it passes on. The
 * published members (profile B), and ours behind them, which other readers skip.
 */

import { headOf, type ChainHead } from './chaperone-head.ts'
import { MessageSignatureError } from './message-signature-error.ts'
import { byteSequence, isInnerList, parseMembers, serializeMembers, type BareItem, type InnerList, type Item } from './structured-field.ts'

export const MEDIATION_FIELD = 'pipelock-mediation'

/** How sure the sending companion is of its agent. `matched` is another emitter's word; we never write it. */
export type ActorAuthority = 'bound' | 'matched' | 'config-default' | 'self-declared' | ''

export interface Mediation {
  readonly actionType: string
  readonly verdict: string
  readonly sideEffect: string
  /** SPIFFE id of the agent. */
  readonly actor: string
  readonly authority: ActorAuthority
  /** Opaque, 16 bytes when we write it. */
  readonly policyHash: Buffer
  /** UUID: the sender's action id. */
  readonly requestId: string
  /** Seconds since 1970. */
  readonly timestamp: number
  readonly taint?: string
  readonly task?: string
  readonly taskAuthority?: string
  readonly authorityReference?: string
  readonly reauthenticate?: boolean
  /** Redirects followed so far. */
  readonly redirects?: number
  /** SPIFFE id of the receiver. */
  readonly audience?: string
  /** The sender's last durable receipt. */
  readonly head?: ChainHead
  /** SPIFFE ids of those the call came through before the actor, oldest first. */
  readonly hops?: readonly string[]
  /** SHA-256 of the signature base of the inbound call that caused this one. */
  readonly cause?: Buffer
}

const VERSION = 1
const MAX_LENGTH = 8 * 1024
const MAX_HOPS = 64
const CAUSE_BYTES = 32
const MAX_POLICY_HASH_BYTES = 64
const AUTHORITIES: ReadonlySet<string> = new Set(['bound', 'matched', 'config-default', 'self-declared', ''])
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const WORDS = /^[\x21-\x7e]{1,64}$/

/**
 * @returns the header's value; what is absent is left out
 * @throws {MessageSignatureError} where a text cannot be written: the call then fails, it is not sent without
 */
export function encodeMediation(mediation: Mediation): string {
  const { head, hops = [], audience, cause, redirects = 0 } = mediation
  const members: [string, Item | InnerList | undefined][] = [
    ['v', item(VERSION)], ['act', item(mediation.actionType)], ['vd', item(mediation.verdict)], ['se', item(mediation.sideEffect)],
    ['actor', item(mediation.actor)], ['aa', item(mediation.authority)], ['ph', item(mediation.policyHash)],
    ['rid', item(mediation.requestId)], ['ts', item(mediation.timestamp)],
    ['taint', textItem(mediation.taint)], ['task', textItem(mediation.task)], ['auth', textItem(mediation.taskAuthority)], ['authr', textItem(mediation.authorityReference)],
    ['reauth', mediation.reauthenticate === true ? item(true) : undefined], ['hop', redirects > 0 ? item(redirects) : undefined],
    ['aud', textItem(audience)], ['hd', head === undefined ? undefined : headItem(head)],
    ['hops', hops.length === 0 ? undefined : [hops.map(item), new Map()]], ['cz', cause === undefined ? undefined : item(cause)],
  ]
  return serializeMembers(members.filter((entry): entry is [string, Item | InnerList] => entry[1] !== undefined))
}

function item(value: BareItem): Item {
  return [value, new Map()]
}

function textItem(text: string | undefined): Item | undefined {
  return text === undefined || text === '' ? undefined : item(text)
}

function headItem({ hash, session, seq }: ChainHead): Item {
  return [Buffer.from(hash, 'hex'), new Map<string, BareItem>([['s', session], ['n', seq]])]
}

/**
 * Strict about every member it knows; members it does not know are skipped.
 *
 * @param field the one line of the header
 * @throws {MessageSignatureError} `field_malformed`, naming the member
 */
export function parseMediation(field: string): Mediation {
  if (field.length > MAX_LENGTH) throw malformed('the header', `at most ${MAX_LENGTH} bytes`)
  const members = new Map(parseMembers(field).map(({ key, value }) => [key, value]))
  const read = new MemberReader(members)
  if (read.integer('v') !== VERSION) throw malformed('v', String(VERSION))
  return {
    actionType: read.word('act'),
    verdict: read.word('vd'),
    sideEffect: read.text('se') ?? '',
    actor: read.text('actor') ?? '',
    authority: read.authority(),
    policyHash: read.bytes('ph') ?? Buffer.alloc(0),
    requestId: read.uuid('rid'),
    timestamp: read.integer('ts') ?? 0,
    ...read.optionalMembers(),
  }
}

class MemberReader {
  readonly #members: ReadonlyMap<string, Item | InnerList>

  constructor(members: ReadonlyMap<string, Item | InnerList>) {
    this.#members = members
  }

  optionalMembers(): Partial<Mediation> {
    const found = {
      taint: this.text('taint'), task: this.text('task'), taskAuthority: this.text('auth'), authorityReference: this.text('authr'),
      reauthenticate: this.#flag('reauth'), redirects: this.integer('hop'),
      audience: this.text('aud'), head: this.#head(), hops: this.#texts('hops'), cause: this.#cause(),
    }
    return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
  }

  text(key: string): string | undefined {
    const value = this.#bare(key)
    if (value !== undefined && typeof value !== 'string') throw malformed(key, 'a String')
    return value
  }

  word(key: string): string {
    const text = this.text(key)
    if (text === undefined || !WORDS.test(text)) throw malformed(key, 'a word')
    return text
  }

  uuid(key: string): string {
    const text = this.text(key)
    if (text === undefined || !UUID.test(text)) throw malformed(key, 'a UUID')
    return text
  }

  authority(): ActorAuthority {
    const text = this.text('aa') ?? ''
    if (!AUTHORITIES.has(text)) throw malformed('aa', 'one of bound, matched, config-default and self-declared')
    return text as ActorAuthority
  }

  integer(key: string): number | undefined {
    const value = this.#bare(key)
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw malformed(key, 'a whole number')
    return value
  }

  bytes(key: string): Buffer | undefined {
    if (!this.#members.has(key)) return undefined
    const bytes = byteSequence(this.#members.get(key))
    if (bytes === undefined || bytes.length > MAX_POLICY_HASH_BYTES) throw malformed(key, 'a short Byte Sequence')
    return bytes
  }

  #flag(key: string): boolean | undefined {
    const value = this.#bare(key)
    if (value !== undefined && typeof value !== 'boolean') throw malformed(key, 'a Boolean')
    return value
  }

  #texts(key: string): readonly string[] | undefined {
    const value = this.#members.get(key)
    if (value === undefined) return undefined
    if (!isInnerList(value) || value[0].length > MAX_HOPS) throw malformed(key, `a list of at most ${MAX_HOPS} Strings`)
    return value[0].map(([text]) => {
      if (typeof text !== 'string') throw malformed(key, 'Strings')
      return text
    })
  }

  #head(): ChainHead | undefined {
    const member = this.#members.get('hd')
    return member === undefined ? undefined : headOf(member[1].get('s'), member[1].get('n'), byteSequence(member))
  }

  #cause(): Buffer | undefined {
    const bytes = this.bytes('cz')
    if (bytes !== undefined && bytes.length !== CAUSE_BYTES) throw malformed('cz', `${CAUSE_BYTES} bytes`)
    return bytes
  }

  #bare(key: string): BareItem | undefined {
    const value = this.#members.get(key)
    if (value === undefined) return undefined
    if (isInnerList(value)) throw malformed(key, 'an Item')
    return value[0]
  }
}

function malformed(member: string, expected: string): MessageSignatureError {
  return new MessageSignatureError('field_malformed', `${MEDIATION_FIELD}: ${member}: expected ${expected}`)
}
