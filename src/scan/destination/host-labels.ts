/** Data in the labels of a host name: a lookup alone delivers it to whoever runs the name server, before any connection. */

import { isEncodedText, isRandom } from './random-token.ts'

/** The labels that somebody registered: the last two, three below a short second label of a country. */
const REGISTERED_LABELS = 2
const MIN_ENCODED_BYTES = 5
const MIN_ENCODED_LABEL = 8
const MIN_HEX_LABEL = 14
const MIN_RANDOM_LABEL = 20
const MIN_CHUNK = 8
const MIN_CHUNKS = 3
/** A name in another script of this length, encoded, says more than a name. */
const MAX_PUNYCODE_LABEL = 40
const UUID_OR_HASH = /^(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/

/**
 * @param host as the caller wrote it: its case belongs to an encoding
 * @returns what speaks for data in it, or `undefined`
 */
export function judgeHostLabels(host: string): 'encoded' | 'random' | 'chunked' | 'punycode' | undefined {
  const labels = host.split('.')
  const own = labels.slice(0, Math.max(0, labels.length - registeredLabels(labels)))
  if (labels.some((label) => label.length >= MAX_PUNYCODE_LABEL && label.toLowerCase().startsWith('xn--'))) return 'punycode'
  if (own.some(isEncodedLabel)) return 'encoded'
  if (own.some((label) => label.length >= MIN_RANDOM_LABEL && !UUID_OR_HASH.test(label) && isRandom(label))) return 'random'
  return isChunked(own) || isEncodedText(own.join('')) ? 'chunked' : undefined
}

function registeredLabels(labels: readonly string[]): number {
  const [second = '', top = ''] = labels.slice(-2)
  return REGISTERED_LABELS + Number(labels.length > 2 && top.length === 2 && second.length <= 3)
}

function isEncodedLabel(label: string): boolean {
  if (label.length < MIN_ENCODED_LABEL || UUID_OR_HASH.test(label)) return false
  const isHex = /^(?:[0-9a-f]+|[0-9A-F]+)$/.test(label) && !/^\d+$/.test(label)
  if (isHex && label.length >= MIN_HEX_LABEL && /[a-f]/i.test(label) && /\d/.test(label)) return true
  if (/^[A-Z2-7]{8,}$/.test(label) || /^[0-9a-f]{10,}$/i.test(label)) return isEncodedText(label, MIN_ENCODED_BYTES)
  return isEncodedText(label)
}

/** Pieces of one size, one after the other, are not names. */
function isChunked(labels: readonly string[]): boolean {
  let [count, length] = [0, 0]
  for (const label of labels) {
    count = label.length === length ? count + 1 : 1
    length = label.length
    if (count >= MIN_CHUNKS && length >= MIN_CHUNK) return true
  }
  return false
}
