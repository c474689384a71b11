/** Seed phrases of wallets (BIP-39): words of one list, with a checksum in the last of them. */

import { mnemonicToEntropy } from '@scure/bip39'
import { wordlist as czech } from '@scure/bip39/wordlists/czech.js'
import { wordlist as english } from '@scure/bip39/wordlists/english.js'
import { wordlist as french } from '@scure/bip39/wordlists/french.js'
import { wordlist as italian } from '@scure/bip39/wordlists/italian.js'
import { wordlist as portuguese } from '@scure/bip39/wordlists/portuguese.js'
import { wordlist as spanish } from '@scure/bip39/wordlists/spanish.js'

/** Lists whose words are told apart by their letters without marks: the folded view has them so. */
const WORD_LISTS: readonly (readonly string[])[] = [english, spanish, french, italian, portuguese, czech]
const PHRASE_LENGTHS = [24, 21, 18, 15, 12]
const SHORTEST = 12

interface Language {
  readonly list: string[]
  readonly byLetters: ReadonlyMap<string, string>
}

let languages: readonly Language[] | undefined

/** Built when the first candidate comes: most processes never see one. */
function allLanguages(): readonly Language[] {
  languages ??= WORD_LISTS.map((words) => ({ list: [...words], byLetters: new Map(words.map((word) => [word.normalize('NFKD').replace(/\p{M}/gu, ''), word])) }))
  return languages
}

/** A phrase within a text: offsets of its first byte and behind its last. */
export interface SeedPhrase {
  readonly start: number
  readonly end: number
}

/** @param text words in any case, with anything but letters between them */
export function findSeedPhrases(text: string): SeedPhrase[] {
  const words = [...text.matchAll(/[A-Za-z]+/g)].map(({ 0: word, index }) => ({ word: word.toLowerCase(), start: index, end: index + word.length }))
  // A phrase of twelve words hardly ever has a word twice.
  if (new Set(words.map(({ word }) => word)).size < SHORTEST - 2) return []
  const found: SeedPhrase[] = []
  for (const { list, byLetters } of allLanguages()) {
    const known = words.map(({ word }) => byLetters.get(word))
    for (let at = 0; at + SHORTEST <= words.length; ) {
      const length = phraseLength(known, at, list)
      const [first, last] = [words[at], words[at + Math.max(1, length) - 1]]
      if (length > 0 && first !== undefined && last !== undefined) found.push({ start: first.start, end: last.end })
      at += Math.max(1, length)
    }
  }
  return found
}

/** @returns how many words from `at` on are a phrase with a right checksum; 0 where none are */
function phraseLength(known: readonly (string | undefined)[], at: number, list: string[]): number {
  if (known[at] === undefined || known.slice(at, at + SHORTEST).includes(undefined)) return 0
  for (const length of PHRASE_LENGTHS) {
    const words = known.slice(at, at + length)
    if (words.length < length || words.includes(undefined) || new Set(words).size < length / 2) continue
    if (isPhrase(words.join(' '), list)) return length
  }
  return 0
}

function isPhrase(text: string, list: string[]): boolean {
  try {
    mnemonicToEntropy(text, list)
    return true
  } catch {
    return false
  }
}
