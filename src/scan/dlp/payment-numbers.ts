/** Card numbers and account numbers: lengths, issuers, checksums, and the words that tell one from any other number. */

import { passesIbanCheck, passesLuhn } from './checksum.ts'
import type { MatchPlace, SecretRule, Severity } from './secret-rule.ts'
import { GROUPED_DIGIT, GROUPED_WORD, TOKEN, WORD } from '../engine/byte-class.ts'

/** Issuer ranges with their lengths: Visa, Mastercard, American Express, Discover, JCB, Diners Club. */
const CARD = /^(?:4\d{15}|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11})$/
const CARD_WORD = /card|\bcc\b|\bpan\b|visa|master|amex|credit|debit|payment|billing|cvv|cvc|expir|account/i
const CARD_CONTEXT_BYTES = 64
const LONGEST_CARD = 19

/** A bare number is a card only where the text says so: one of ten random numbers passes Luhn. */
function judgeCard(match: string, place: MatchPlace): Severity | undefined {
  const digits = match.replace(/[ -]/g, '')
  if (!CARD.test(digits) || !passesLuhn(digits) || new Set(digits).size < 2) return undefined
  return digits.length < match.length || CARD_WORD.test(place.before().slice(-CARD_CONTEXT_BYTES)) ? 'medium' : undefined
}

/** Length of an IBAN by country, from the registry of ISO 13616. */
const IBAN_LENGTHS: Readonly<Record<string, number>> = {
  AD: 24, AE: 23, AL: 28, AT: 20, AZ: 28, BA: 20, BE: 16, BG: 22, BH: 22, BR: 29, BY: 28, CH: 21, CR: 22, CY: 28, CZ: 24, DE: 22, DK: 18, DO: 28,
  EE: 20, EG: 29, ES: 24, FI: 18, FO: 18, FR: 27, GB: 22, GE: 22, GI: 23, GL: 18, GR: 27, GT: 28, HR: 21, HU: 28, IE: 22, IL: 23, IQ: 23, IS: 26,
  IT: 27, JO: 30, KW: 30, KZ: 20, LB: 28, LC: 32, LI: 21, LT: 20, LU: 20, LV: 21, LY: 25, MC: 27, MD: 24, ME: 22, MK: 19, MR: 27, MT: 31, MU: 30,
  NL: 18, NO: 15, PK: 24, PL: 28, PS: 29, PT: 25, QA: 29, RO: 24, RS: 22, SA: 24, SC: 31, SE: 24, SI: 19, SK: 24, SM: 27, ST: 25, SV: 28, TL: 23,
  TN: 24, TR: 26, UA: 29, VA: 22, VG: 24, XK: 20,
}

function judgeIban(match: string): Severity | undefined {
  const whole = match.replace(/ /g, '')
  const length = IBAN_LENGTHS[whole.slice(0, 2)]
  if (length === undefined || whole.length < length) return undefined
  const iban = whole.slice(0, length)
  // What follows an IBAN directly makes it something else; what follows a space is the next word.
  const isWhole = whole.length === length || match.startsWith(iban + ' ') || match.includes(' ')
  return isWhole && passesIbanCheck(iban) ? 'medium' : undefined
}

/** Areas, groups and serials that are never given out (SSA, since 2011): 000, 666 and 900 to 999; 00; 0000. */
function judgeSocialSecurityNumber(match: string): Severity | undefined {
  return /^(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}$/.test(match) ? 'low' : undefined
}

export const PAYMENT_RULES: readonly SecretRule[] = [
  {
    rule: 'dlp.social_security_number', title: 'Social security number (USA)', severity: 'low', literals: ['000-00-0000'], anyDigit: true,
    shape: /\d{3}-\d{2}-\d{4}(?![\w-])/, alphabet: TOKEN, reach: 2, notAfter: TOKEN, judge: judgeSocialSecurityNumber,
    source: 'https://www.ssa.gov/employer/randomization.html',
  },
  {
    rule: 'dlp.credit_card', title: 'Payment card number', severity: 'medium',
    literals: ['0000000000000', '0000 0000 0000 0', '0000-0000-0000-0', '0000 000000 0000', '0000-000000-0000'], anyDigit: true,
    shape: /\d(?:[ -]?\d){12,18}(?![ -]?\d)/, alphabet: GROUPED_DIGIT, reach: 2 * LONGEST_CARD, notAfter: WORD, judge: judgeCard,
    homes: { hosts: ['stripe.com', 'adyen.com', 'adyenpayments.com', 'braintreegateway.com', 'paypal.com', 'squareup.com', 'authorize.net'], kinds: ['body'] },
    source: 'https://www.iso.org/standard/70484.html',
  },
  {
    rule: 'dlp.iban', title: 'International bank account number', severity: 'medium',
    literals: Object.keys(IBAN_LENGTHS).map((country) => `${country}00`), anyDigit: true,
    shape: /[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}/, alphabet: GROUPED_WORD, reach: 48, notAfter: WORD, judge: judgeIban,
    source: 'https://www.swift.com/standards/data-standards/iban-international-bank-account-number',
  },
]

