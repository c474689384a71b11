/**
 * Keys and addresses of cryptocurrencies. A private key is one wherever its checksum is right. An address is no secret, but
 * money follows it: it is told where it goes to a host that is not known.
 */

import { TOKEN, WORD } from '../engine/byte-class.ts'
import { decodeBase58Check, isBech32, passesEip55 } from './base58.ts'
import type { MatchPlace, SecretRule, Severity } from './secret-rule.ts'

const EXPLORERS = ['etherscan.io', 'blockchain.com', 'blockchair.com', 'mempool.space', 'blockstream.info', 'solscan.io', 'bscscan.com', 'polygonscan.com', 'coinbase.com', 'infura.io', 'alchemy.com']
const WIF_VERSION = 0x80
const WIF_BYTES: ReadonlySet<number> = new Set([33, 34])
/** Mainnet P2PKH and P2SH. */
const ADDRESS_VERSIONS: ReadonlySet<number> = new Set([0x00, 0x05])
const ADDRESS_BYTES = 21
const EXTENDED_KEY_BYTES = 78
const ADDRESS_WORD = /eth|wallet|addr|recipient|payout|\bto\b/i
const KEY_WORD = /(?:priv|secret|seed|key|pk|sk)[^\n]{0,24}$/i
const CONTEXT_BYTES = 48

function judgeWif(match: string): Severity | undefined {
  const payload = decodeBase58Check(match)
  return payload?.[0] === WIF_VERSION && WIF_BYTES.has(payload.length) ? 'critical' : undefined
}

function judgeExtendedKey(match: string): Severity | undefined {
  return decodeBase58Check(match)?.length === EXTENDED_KEY_BYTES ? 'critical' : undefined
}

function judgeBitcoinAddress(match: string, place: MatchPlace): Severity | undefined {
  if (!isTold(place)) return undefined
  const payload = decodeBase58Check(match)
  return payload?.length === ADDRESS_BYTES && ADDRESS_VERSIONS.has(payload[0] ?? -1) ? 'medium' : undefined
}

function judgeSegwitAddress(match: string, place: MatchPlace): Severity | undefined {
  return isTold(place) && isBech32(match) ? 'medium' : undefined
}

/** In both cases the checksum decides; in one case the words before it. */
function judgeEthereumAddress(match: string, place: MatchPlace): Severity | undefined {
  const digits = match.slice(2)
  if (!isTold(place) || new Set(digits).size < 4) return undefined
  if (/[a-f]/.test(digits) && /[A-F]/.test(digits)) return passesEip55(digits) ? 'medium' : undefined
  return ADDRESS_WORD.test(place.before().slice(-CONTEXT_BYTES)) ? 'medium' : undefined
}

/** A transaction has the same form: only what is called a key is one, and what is called a signature is none. */
function judgeHexKey(match: string, place: MatchPlace): Severity | undefined {
  if (/signature["'\\]{0,2} ?[=:]["'\\ ]{0,3}$/i.test(place.before().slice(-CONTEXT_BYTES))) return undefined
  return KEY_WORD.test(place.before().slice(-CONTEXT_BYTES)) && new Set(match).size > 6 ? 'critical' : undefined
}

function isTold({ direction, standing }: MatchPlace): boolean {
  return direction === 'request' && standing !== 'known' && standing !== 'listed'
}

export const CRYPTO_RULES: readonly SecretRule[] = [
  {
    rule: 'dlp.bitcoin_private_key', title: 'Bitcoin private key (WIF)', severity: 'critical', literals: [], run: { of: 'token', min: 51, max: 52, first: '5KL' },
    shape: /[5KL][1-9A-HJ-NP-Za-km-z]{50,51}/, alphabet: TOKEN, reach: 2, notAfter: WORD, judge: judgeWif, source: 'https://en.bitcoin.it/wiki/Wallet_import_format',
  },
  {
    rule: 'dlp.extended_private_key', title: 'Extended private key (BIP-32)', severity: 'critical', literals: ['xprv', 'yprv', 'zprv', 'tprv', 'uprv', 'vprv'],
    shape: /[xyztuv]prv[1-9A-HJ-NP-Za-km-z]{107,108}(?![A-Za-z0-9])/, alphabet: TOKEN, reach: 112, notAfter: WORD, judge: judgeExtendedKey, source: 'https://github.com/bitcoin/bips/blob/master/bip-0032.mediawiki',
  },
  {
    rule: 'dlp.bitcoin_address', title: 'Bitcoin address', severity: 'medium', literals: [], run: { of: 'token', min: 26, max: 35, first: '13' },
    shape: /[13][1-9A-HJ-NP-Za-km-z]{25,34}/, alphabet: TOKEN, reach: 2, notAfter: WORD, judge: judgeBitcoinAddress,
    homes: { hosts: EXPLORERS, kinds: ['url', 'header', 'body'] }, source: 'https://en.bitcoin.it/wiki/Invoice_address',
  },
  {
    rule: 'dlp.bitcoin_address', title: 'Bitcoin address (segwit)', severity: 'medium', literals: ['bc1q', 'bc1p'],
    shape: /bc1[qp][ac-hj-np-z02-9]{38,58}(?![A-Za-z0-9])/, alphabet: TOKEN, reach: 64, notAfter: WORD, judge: judgeSegwitAddress,
    homes: { hosts: EXPLORERS, kinds: ['url', 'header', 'body'] }, source: 'https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki',
  },
  {
    rule: 'dlp.ethereum_address', title: 'Ethereum address', severity: 'medium', literals: [], run: { of: 'token', min: 42, max: 42, first: '0' },
    shape: /0x[0-9a-fA-F]{40}/, alphabet: TOKEN, reach: 2, notAfter: WORD, judge: judgeEthereumAddress,
    homes: { hosts: EXPLORERS, kinds: ['url', 'header', 'body'] }, source: 'https://eips.ethereum.org/EIPS/eip-55',
  },
  {
    rule: 'dlp.ethereum_private_key', title: 'Private key of 32 bytes in hexadecimal', severity: 'critical', literals: [], run: { of: 'token', min: 64, max: 66 },
    shape: /(?:0x)?[0-9a-fA-F]{64}(?![A-Za-z0-9])/, alphabet: TOKEN, reach: 2, notAfter: WORD, judge: judgeHexKey, source: 'https://ethereum.org/en/developers/docs/accounts/',
  },
]
