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
const LONGEST = 24

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

/**
 * @param text words in any case, with anything but letters between them
 * @param mayCheck asked before each checksum: false where no more may be computed
 */
export function findSeedPhrases(text: string, mayCheck: () => boolean): SeedPhrase[] {
  const words = [...text.matchAll(/[A-Za-z]+/g)].map(({ 0: word, index }) => ({ word: word.toLowerCase(), start: index, end: index + word.length }))
  // A phrase of twelve words hardly ever has a word twice.
  if (new Set(words.map(({ word }) => word)).size < SHORTEST - 2) return []
  const found: SeedPhrase[] = []
  for (const { list, byLetters } of allLanguages()) {
    const known = words.map(({ word }) => byLetters.get(word))
    for (let at = 0; at + SHORTEST <= words.length; ) {
      const length = phraseLength(known.slice(at, at + LONGEST), list, mayCheck)
      const [first, last] = [words[at], words[at + Math.max(1, length) - 1]]
      if (length > 0 && first !== undefined && last !== undefined) found.push({ start: first.start, end: last.end })
      at += Math.max(1, length)
    }
  }
  return found
}

/** @returns how many of the words, from the first on, are a phrase with a right checksum; 0 where none are */
function phraseLength(known: readonly (string | undefined)[], list: string[], mayCheck: () => boolean): number {
  const unknown = known.indexOf(undefined)
  const available = unknown < 0 ? known.length : unknown
  for (const length of PHRASE_LENGTHS) {
    if (length > available) continue
    const words = known.slice(0, length)
    if (new Set(words).size >= length / 2 && mayCheck() && isPhrase(words.join(' '), list)) return length
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
