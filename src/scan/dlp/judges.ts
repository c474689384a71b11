/** What tells a credential from a text that only looks like one, beyond its shape. */

import { hasCrcTail } from './checksum.ts'
import type { MatchPlace, Severity } from './secret-rule.ts'

/** Documentation writes `xxxx…` or `0000…` where a secret would stand; no issuer does. */
const MIN_DISTINCT_CHARACTERS = 5

export function distinctCharacters(text: string): number {
  return new Set(text).size
}

/** @returns a judge that gives `severity` unless everything behind the prefix is filler */
export function unlessFiller(prefix: RegExp, severity: Severity): (match: string) => Severity | undefined {
  return (match) => (distinctCharacters(match.replace(prefix, '')) < MIN_DISTINCT_CHARACTERS ? undefined : severity)
}

/** @param payloadAndTail what stands behind the prefix of a whole token, in characters */
export function judgeCrcToken(payloadAndTail: number): (match: string) => Severity | undefined {
  return (match) => {
    const body = match.slice(match.indexOf('_') + 1)
    if (hasCrcTail(body.slice(0, payloadAndTail))) return 'critical'
    // A cut or altered token still gives most of itself away, and a wrong checksum is cheap to make on purpose.
    return distinctCharacters(body) < MIN_DISTINCT_CHARACTERS ? undefined : 'high'
  }
}

/** A signed URL names the key id in the clear, with the scope of the signature (SigV4) or under its own name (SigV2): public by design. */
const CREDENTIAL_SCOPE = /^(?:AKIA|ASIA)[A-Z2-7]{16}(?:\/|%2[Ff])\d{8}(?:\/|%2[Ff])/

export function judgeAwsKeyId(match: string, place: MatchPlace): Severity | undefined {
  return CREDENTIAL_SCOPE.test(match) || place.before().endsWith('AWSAccessKeyId=') ? undefined : 'critical'
}

const AWS_SECRET_LENGTH = 40

/** Forty characters without a label: told by their mixture, and only where they had been encoded or stand beside a key id. */
export function judgeBareAwsSecret(match: string, place: MatchPlace): Severity | undefined {
  // In what was decoded, bytes of something else may stand directly before or behind it.
  if ((match.length !== AWS_SECRET_LENGTH && !place.isDecoded) || /[_-]/.test(match) || !isMixed(match)) return undefined
  return place.isDecoded || /A[KS]IA[A-Z2-7]{16}.{0,200}$/s.test(place.before()) ? 'critical' : undefined
}

/** Seven lower-case letters in a row are a word: a path, not a key. */
function isMixed(text: string): boolean {
  return /[a-z]/.test(text) && /[A-Z]/.test(text) && /[0-9]/.test(text) && /[/+]/.test(text) && distinctCharacters(text) >= 18 && !/[a-z]{7}/.test(text)
}

/** What people write in place of a password in examples. */
export const EXAMPLE_PASSWORD = /^(?:p(?:ass(?:word)?|wd|w)|secret|changeme|x+|\*+|\.+|\$.*|%24.*|\{.*|%7[Bb].*|<.*|\[.*|your.*|my.*pass.*|test|example|root|admin|postgres|guest|user|redis)$/i
const LOCAL_HOST = /@(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?![\w.-])/i

/** `scheme://user:password@host`: an account on this machine, or a word in place of the password, gives nothing away. */
export function judgeUserinfo(match: string): Severity | undefined {
  const userinfo = /^[^:]*:\/\/([^:@]*):([^@]*)@/.exec(match)
  const [, user, password = ''] = userinfo ?? []
  if (password === '' || password === user || EXAMPLE_PASSWORD.test(password)) return undefined
  return LOCAL_HOST.test(match) ? undefined : 'high'
}

/** A signature is one only beside the version and the expiry that it signs; they may stand before it or behind it. */
export function judgeSas(match: string, place: MatchPlace): Severity | undefined {
  const query = (/[^\s"'<>]*$/.exec(place.before())?.[0] ?? '') + match
  return /(?:^|[?&;])sv=20\d\d-\d\d-\d\d/.test(query) && /(?:^|[?&;])se=20\d\d/.test(query) ? 'critical' : undefined
}

/** The prefix alone is a common word. */
export function judgeMailgunKey(_match: string, place: MatchPlace): Severity | undefined {
  return /mailgun|api.{0,8}$/is.test(place.before()) ? 'high' : undefined
}

/** The body decides: documents quote the first line of a key, and only a key goes on. */
export function judgeKeyBlock(match: string): Severity | undefined {
  const body = match.replace(/^-----BEGIN [^-]*-----/, '').replace(/\\[nr]/g, '\n').slice(0, 400)
  return /[A-Za-z0-9+/]{16}/.test(body) ? 'critical' : undefined
}

/** The first part of the token is the account's number, as base64 of its digits. */
export function judgeDiscordToken(match: string): Severity | undefined {
  const [account = ''] = match.split('.')
  return /^\d{17,20}$/.test(Buffer.from(account, 'base64url').toString('latin1')) ? 'critical' : undefined
}
