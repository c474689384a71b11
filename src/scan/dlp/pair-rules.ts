/**
 * Values that are secrets because of what they are called: `password: …`, `"api_key": "…"`, `X-Api-Key: …`, `?token=…`, in
 * every notation that names a value. Told where they go to a host that is not known; code and placeholders are neither.
 */

import { BASE64, DIGIT, TOKEN, WORD } from '../engine/byte-class.ts'
import type { TextWindow } from '../engine/text-window.ts'
import { isRandom } from '../destination/random-token.ts'
import { EXAMPLE_PASSWORD } from './judges.ts'
import type { MatchPlace, SecretRule, Severity } from './secret-rule.ts'

const PASSWORD_NAMES = ['password', 'passwd', 'passphrase', 'passwort', 'pwd', 'contraseña', 'mot_de_passe', 'userpass', 'dbpass', 'db_pass']
const KEY_NAMES = [
  'api_key', 'api-key', 'apikey', 'access_key', 'access-key', 'accesskey', 'secret_key', 'secret-key', 'secretkey', 'private_key', 'private-key', 'privatekey', 'signing_key', 'encryption_key', 'master_key',
  'access_token', 'access-token', 'accesstoken', 'auth_token', 'auth-token', 'authtoken', 'api_token', 'api-token', 'apitoken', 'refresh_token', 'bot_token', 'session_token', 'secret_token', 'client_secret',
  'client-secret', 'clientsecret', 'secret', 'app_key', 'appkey', 'auth_key', 'authkey',
]
const ENVIRONMENT_NAMES = ['_TOKEN', '_SECRET', '_KEY', '_PASSWORD', '_PASS', '_PWD']
/** Longest name of a value before the word that tells. */
const MAX_NAME = 40
const REACH = 256
const MIN_PASSWORD = 6
const MIN_KEY = 16
const MIN_URL_VALUE = 6

/** What stands between a name and its value in JSON, YAML, INI, shells, headers, forms, XML and lists of names and values. */
const SEPARATOR = '(?:["\'`\\\\\\]]{0,4}[ \\t]{0,4}(?:=>|:=|==?|:|%3[AaDd]|>)|["\'`\\\\]{1,3}\\s{0,2},\\s{0,2}["\'`\\\\]{1,3}value["\'`\\\\]{1,3}\\s{0,2}:|[ \\t]{1,2}(?=["\'A-Za-z0-9]))\\s{0,4}["\'`\\\\]{0,4}'
const VALUE = '([^\\s"\'`<>&,;\\\\{}()|\\[\\]]{4,200})(?![^\\s"\'`<>&,;\\\\{}()|\\[\\]])'
const PAIR = new RegExp(`^([A-Za-z0-9_.ñ-]{1,80}?)(${SEPARATOR})${VALUE}`)

const NOT_A_VALUE = /^(?:null|none|nil|true|false|undefined|required|optional|string|str|text|bytes|number|boolean|redacted|hidden|masked|removed|empty|unset|n\/a|process\.env.*|os\.environ.*|secrets?\..*|env\..*|vault:.*|op:\/\/.*|arn:.*|https?:.*|file:.*|\/.*|#.*|@.*|%.*)$/i
/** `config.password`, `self.secret_key`, `MY_CONSTANT`: code, not a value. */
const IDENTIFIER = /^(?:[A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)+|[A-Z][A-Z_]+|[a-z]+(?:_[a-z]+)+|[a-z]+(?:[A-Z][a-z]+)+)$/

interface Pair {
  readonly name: string
  readonly separator: string
  readonly value: string
}

function readPair(match: string): Pair | undefined {
  const [, name, separator, value] = PAIR.exec(match) ?? []
  return name === undefined || separator === undefined || value === undefined ? undefined : { name, separator, value }
}

function judgePassword(match: string, place: MatchPlace): Severity | undefined {
  const pair = readPair(match)
  if (pair === undefined || !isTold(place) || !isValue(pair)) return undefined
  return isPasswordLike(pair.value) ? 'high' : undefined
}

function judgeKey(match: string, place: MatchPlace): Severity | undefined {
  const pair = readPair(match)
  if (pair === undefined || !isTold(place) || !isValue(pair)) return undefined
  if (place.kind === 'url') return pair.value.length >= MIN_URL_VALUE && /\d/.test(pair.value) ? 'high' : undefined
  return isKeyLike(pair.value) || isPasswordLike(pair.value) ? 'high' : undefined
}

function judgeUrlToken(match: string, place: MatchPlace): Severity | undefined {
  const pair = readPair(match)
  if (pair === undefined || place.kind !== 'url' || place.standing !== 'new' || !isValue(pair)) return undefined
  return pair.value.length >= MIN_KEY && /\d/.test(pair.value) && /[A-Za-z]/.test(pair.value) ? 'high' : undefined
}

/** What goes to a host that is known may carry what the host asks for. */
function isTold({ direction, standing }: MatchPlace): boolean {
  return direction === 'request' && standing !== 'known' && standing !== 'listed'
}

function isValue({ name, separator, value }: Pair): boolean {
  // A name and a value with nothing but a blank between them are words, unless it is an option of a command.
  if (/^[ \t]+["'`]?$/.test(separator) && !name.startsWith('-')) return false
  if (EXAMPLE_PASSWORD.test(value) || NOT_A_VALUE.test(value) || IDENTIFIER.test(value)) return false
  return new Set(value).size >= 4
}

/** Letters and something else, or both cases in the middle of a word: what people choose when they must. */
function isPasswordLike(value: string): boolean {
  if (value.length < MIN_PASSWORD) return false
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((kind) => kind.test(value)).length
  return kinds >= 2 && (/\d/.test(value) || /[!@$%^*?~+]/.test(value))
}

function isKeyLike(value: string): boolean {
  return value.length >= MIN_KEY && (/^[0-9a-f]{32,}$/i.test(value) || isRandom(value))
}

/** The name begins where its characters do. */
function startOfName(text: TextWindow, literalStart: number): number {
  let start = literalStart
  while (start > text.floor && literalStart - start < MAX_NAME && (TOKEN[text.at(start - 1)] === 1 || text.at(start - 1) === 0x2e)) start--
  return start
}

const ROW = { severity: 'high', shape: PAIR, alphabet: TOKEN, reach: REACH, notAfter: DIGIT, startOf: startOfName, pair: true } as const

export const PAIR_RULES: readonly SecretRule[] = [
  { ...ROW, rule: 'dlp.named_password', title: 'Value that is called a password', literals: PASSWORD_NAMES, looseLiterals: true, judge: judgePassword, source: 'https://cwe.mitre.org/data/definitions/319.html' },
  { ...ROW, rule: 'dlp.named_key', title: 'Value that is called a key, token or secret', literals: KEY_NAMES, looseLiterals: true, judge: judgeKey, source: 'https://cwe.mitre.org/data/definitions/319.html' },
  { ...ROW, rule: 'dlp.environment_secret', title: 'Environment variable that is called a secret', literals: ENVIRONMENT_NAMES, judge: judgeKey, source: 'https://cwe.mitre.org/data/definitions/526.html' },
  { ...ROW, rule: 'dlp.url_token', title: 'Token in a URL', literals: ['token'], looseLiterals: true, judge: judgeUrlToken, source: 'https://www.rfc-editor.org/rfc/rfc6750#section-5.3' },
  {
    rule: 'dlp.basic_credentials', title: 'User name and password of HTTP authentication', severity: 'high', literals: ['basic '], looseLiterals: true,
    shape: /[Bb][Aa][Ss][Ii][Cc] {1,4}[A-Za-z0-9+/_-]{6,200}={0,2}/, alphabet: BASE64, reach: 240, notAfter: WORD, judge: judgeBasic, source: 'https://www.rfc-editor.org/rfc/rfc7617',
  },
]

function judgeBasic(match: string, place: MatchPlace): Severity | undefined {
  if (!isTold(place) || !/authorization\W*$/i.test(place.before())) return undefined
  const [, password = ''] = /^[^:\0-\x1f]{0,120}:([^\0-\x1f]{3,})$/.exec(Buffer.from(match.replace(/^\w+ +/, ''), 'base64').toString('latin1')) ?? []
  return password === '' || EXAMPLE_PASSWORD.test(password) ? undefined : 'high'
}
