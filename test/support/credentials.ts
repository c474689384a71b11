/**
 * Credentials of every public format, made at run time so that no text here looks like one. A table by nature. The forms are
 * the issuers' own; nothing is taken from the rules of the product, which these are there to judge.
 */

import { createHash, generateKeyPairSync } from 'node:crypto'
import { crc32 } from 'node:zlib'

import { createBase58check } from '@scure/base'
import { entropyToMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'

import { BASE32, BECH32, DIGITS, HEX, LOWER, TOKEN, UPPER, WORD, type SeededRandom } from './seeded-random.ts'

export interface CredentialFormat {
  readonly name: string
  readonly make: (random: SeededRandom) => string
  /** One unbroken run of letters, digits, `_`, `-` and `.`: the form most tokens have. Others are blocks, sentences or pairs. */
  readonly isToken: boolean
}

const BASE62 = DIGITS + UPPER + LOWER
const CRC_CHARACTERS = 6
const CRC_PAYLOAD = 30

function token(name: string, make: (random: SeededRandom) => string): CredentialFormat {
  return { name, make, isToken: true }
}

function text(name: string, make: (random: SeededRandom) => string): CredentialFormat {
  return { name, make, isToken: false }
}

function prefixed(name: string, prefix: string, length: number, alphabet: string = WORD): CredentialFormat {
  return token(name, (random) => prefix + random.text(length, alphabet))
}

/** GitHub and npm end their tokens with a CRC-32 in base 62. */
function checked(name: string, prefix: string): CredentialFormat {
  return token(name, (random) => {
    const payload = random.text(CRC_PAYLOAD, WORD)
    let rest = crc32(payload)
    let tail = ''
    for (let digit = 0; digit < CRC_CHARACTERS; digit++) {
      tail = BASE62.charAt(rest % BASE62.length) + tail
      rest = Math.floor(rest / BASE62.length)
    }
    return prefix + payload + tail
  })
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()

function jwt(random: SeededRandom): string {
  return [base64url({ alg: 'HS256', typ: 'JWT' }), base64url({ sub: random.text(10, DIGITS), name: 'test', iat: 1_700_000_000 }), random.bytes(32).toString('base64url')].join('.')
}

function luhnCard(random: SeededRandom): string {
  const first = `4${random.text(14, DIGITS)}`
  const sum = Array.from(first).reverse().reduce((total, digit, at) => {
    const value = at % 2 === 0 ? Number(digit) * 2 : Number(digit)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  const whole = `${first}${(10 - (sum % 10)) % 10}`
  return `card ${whole.replace(/(\d{4})(?=\d)/g, '$1 ')}`
}

function iban(random: SeededRandom): string {
  const account = random.text(18, DIGITS)
  const remainder = Array.from(`${account}131400`).reduce((rest, digit) => (rest * 10 + Number(digit)) % 97, 0)
  return `DE${String(98 - remainder).padStart(2, '0')}${account}`
}

/** The one format that cannot be drawn from a seed. */
function pem(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function wif(random: SeededRandom): string {
  return createBase58check(sha256).encode(Buffer.concat([Buffer.of(0x80), random.bytes(32), Buffer.of(1)]))
}

function extendedKey(random: SeededRandom): string {
  const head = Buffer.from('0488ade4000000000000000000', 'hex')
  return createBase58check(sha256).encode(Buffer.concat([head, random.bytes(32), Buffer.of(0), random.bytes(32)]))
}

export const CREDENTIAL_FORMATS: readonly CredentialFormat[] = [
  token('aws access key', (random) => `AKIA${random.text(16, BASE32)}`),
  token('aws temporary key', (random) => `ASIA${random.text(16, BASE32)}`),
  text('aws secret key', (random) => `aws_secret_access_key=${random.text(20, WORD)}/${random.text(18, WORD)}+`),
  checked('github personal token', 'ghp_'),
  checked('github oauth token', 'gho_'),
  checked('github app token', 'ghs_'),
  token('github fine-grained token', (random) => `github_pat_${random.text(22, WORD)}_${random.text(59, WORD)}`),
  checked('npm token', 'npm_'),
  prefixed('gitlab token', 'glpat-', 20, TOKEN),
  prefixed('gitlab deploy token', 'gldt-', 20, TOKEN),
  prefixed('gitlab runner token', 'glrt-', 20, TOKEN),
  token('slack bot token', (random) => `xoxb-${random.text(12, DIGITS)}-${random.text(12, DIGITS)}-${random.text(24, WORD)}`),
  token('slack user token', (random) => `xoxp-${random.text(12, DIGITS)}-${random.text(12, DIGITS)}-${random.text(12, DIGITS)}-${random.text(32, HEX)}`),
  token('slack app token', (random) => `xapp-1-A${random.text(10, UPPER + DIGITS)}-${random.text(13, DIGITS)}-${random.text(64, HEX)}`),
  text('slack webhook', (random) => `https://hooks.slack.com/services/T${random.text(8, UPPER + DIGITS)}/B${random.text(10, UPPER + DIGITS)}/${random.text(24, WORD)}`),
  prefixed('stripe live key', 'sk_live_', 24),
  prefixed('stripe restricted key', 'rk_live_', 24),
  prefixed('stripe webhook secret', 'whsec_', 32),
  prefixed('google api key', 'AIza', 35, TOKEN),
  prefixed('google oauth secret', 'GOCSPX-', 28, TOKEN),
  prefixed('google oauth token', 'ya29.', 120, TOKEN),
  prefixed('anthropic key', 'sk-ant-api03-', 93, TOKEN),
  prefixed('openai project key', 'sk-proj-', 74, TOKEN),
  prefixed('openai service key', 'sk-svcacct-', 74, TOKEN),
  prefixed('openai admin key', 'sk-admin-', 74, TOKEN),
  token('openai legacy key', (random) => `sk-${random.text(20, WORD)}T3BlbkFJ${random.text(20, WORD)}`),
  prefixed('openrouter key', 'sk-or-v1-', 64, HEX),
  prefixed('hugging face token', 'hf_', 34),
  prefixed('replicate token', 'r8_', 37),
  prefixed('groq key', 'gsk_', 52),
  prefixed('xai key', 'xai-', 80),
  prefixed('perplexity key', 'pplx-', 48),
  prefixed('pinecone key', 'pcsk_', 70),
  token('fireworks key', (random) => `fw_${random.text(23, WORD)}7`),
  token('pypi token', (random) => `pypi-AgEIcHlwaS5vcmc${random.text(120, TOKEN)}`),
  token('sendgrid key', (random) => `SG.${random.text(22, TOKEN)}.${random.text(43, TOKEN)}`),
  prefixed('twilio key', 'SK', 32, HEX),
  prefixed('digitalocean token', 'dop_v1_', 64, HEX),
  prefixed('shopify token', 'shpat_', 32, HEX),
  prefixed('vault token', 'hvs.', 90),
  prefixed('databricks token', 'dapi', 32, HEX),
  prefixed('doppler token', 'dp.pt.', 43),
  prefixed('docker token', 'dckr_pat_', 27, TOKEN),
  prefixed('linear key', 'lin_api_', 40),
  prefixed('notion token', 'ntn_', 46),
  token('new relic key', (random) => `NRAK-${random.text(27, UPPER + DIGITS)}`),
  prefixed('supabase key', 'sb_secret_', 31, TOKEN),
  prefixed('planetscale token', 'pscale_tkn_', 43, TOKEN),
  prefixed('sentry token', 'sntryu_', 64, HEX),
  token('grafana token', (random) => `glsa_${random.text(32, WORD)}_${random.text(8, HEX)}`),
  prefixed('atlassian token', 'ATATT3xFfGF0', 160, TOKEN),
  prefixed('netlify token', 'nfp_', 40),
  token('postman key', (random) => `PMAK-${random.text(24, HEX)}-${random.text(34, HEX)}`),
  prefixed('fly token', 'fo1_', 43, TOKEN),
  prefixed('vercel token', 'vcp_', 56),
  prefixed('square token', 'sq0csp-', 43, TOKEN),
  token('telegram bot token', (random) => `${random.text(10, DIGITS)}:AA${random.text(33, TOKEN)}`),
  token('discord bot token', (random) => `${Buffer.from(`1${random.text(17, DIGITS)}`).toString('base64url')}.${random.text(6, WORD)}.${random.text(38, TOKEN)}`),
  token('terraform token', (random) => `${random.text(14, WORD)}.atlasv1.${random.text(67, WORD)}`),
  token('json web token', jwt),
  token('age identity', (random) => `AGE-SECRET-KEY-1${random.text(58, BECH32.toUpperCase())}`),
  text('pem private key', pem),
  text('azure storage key', (random) => `AccountKey=${random.bytes(64).toString('base64')}`),
  text('azure sas', (random) => `sv=2022-11-02&ss=b&srt=sco&sp=rw&se=2031-01-01T00:00:00Z&sig=${encodeURIComponent(random.bytes(32).toString('base64'))}`),
  text('database url', (random) => `postgres://service:${random.text(18, WORD)}@db.internal.example:5432/main`),
  text('url with password', (random) => `https://deploy:${random.text(20, WORD)}@git.internal.example/repo.git`),
  text('payment card', luhnCard),
  token('iban', iban),
  text('ethereum private key', (random) => `private_key=0x${random.text(64, HEX)}`),
  token('bitcoin private key', wif),
  token('extended private key', extendedKey),
  text('seed phrase', (random) => entropyToMnemonic(random.bytes(16), wordlist)),
]
