/**
 * Finds all of a set of literals in one pass (Aho and Corasick, 1975), as a complete table: one load per byte. Letters match in
 * either case and any digit matches any digit, so a hit is only a reason to look closer.
 */

export interface LiteralHit<T> {
  readonly value: T
  /** Bytes of the literal; it ends where the hit was reported. */
  readonly length: number
}

export interface LiteralAutomaton<T> {
  /** `next state = table[(state << 8) | byte]`; state 0 is the start. */
  readonly table: Uint16Array
  /** States from this one on are hits. */
  readonly firstHit: number
  /** By state minus `firstHit`. */
  readonly hits: readonly (readonly LiteralHit<T>[])[]
  /** By state: how many bytes at the end may become a literal. */
  readonly depth: Uint8Array
}

/** More literals than a table of 16-bit states holds, or one longer than 255 bytes: a fault in the rules. */
export class LiteralLimitError extends Error {
  override readonly name = 'LiteralLimitError'
}

const BYTE_VALUES = 256
const MAX_STATES = 65_535
const MAX_LITERAL_BYTES = 255
const FIRST_DIGIT = 0x30
const FOLDED = Uint8Array.from({ length: BYTE_VALUES }, (_, byte) => foldByte(byte))

interface TrieState<T> {
  readonly children: Map<number, number>
  readonly depth: number
  hits: LiteralHit<T>[]
  fail: number
}

/** @throws {LiteralLimitError} */
export function compileLiterals<T>(literals: readonly { readonly literal: string; readonly value: T }[]): LiteralAutomaton<T> {
  const trie: TrieState<T>[] = [{ children: new Map(), depth: 0, hits: [], fail: 0 }]
  for (const { literal, value } of literals) addLiteral(trie, Buffer.from(literal, 'latin1'), value)
  if (trie.length > MAX_STATES) throw new LiteralLimitError(`${trie.length} states are more than ${MAX_STATES}`)
  const order = linkFailures(trie)
  return fillTable(trie, order)
}

function foldByte(byte: number): number {
  if (byte >= FIRST_DIGIT && byte <= 0x39) return FIRST_DIGIT
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}

function addLiteral<T>(trie: TrieState<T>[], bytes: Buffer, value: T): void {
  if (bytes.length > MAX_LITERAL_BYTES) throw new LiteralLimitError(`a literal of ${bytes.length} bytes`)
  let state = 0
  for (const byte of bytes) {
    const folded = FOLDED[byte] ?? 0
    let child = trie[state]?.children.get(folded)
    if (child === undefined) {
      child = trie.length
      trie[state]?.children.set(folded, child)
      trie.push({ children: new Map(), depth: (trie[state]?.depth ?? 0) + 1, hits: [], fail: 0 })
    }
    state = child
  }
  trie[state]?.hits.push({ value, length: bytes.length })
}

/** @returns the states breadth first; each has then the longest proper suffix that is a state, and that one's hits too */
// eslint-disable-next-line complexity -- every ?? is a guard of an index that exists
function linkFailures<T>(trie: TrieState<T>[]): number[] {
  const order = [0]
  // eslint-disable-next-line @typescript-eslint/prefer-for-of -- the list grows while it is walked
  for (let at = 0; at < order.length; at++) {
    const from = order[at] ?? 0
    for (const [byte, child] of trie[from]?.children ?? []) {
      const state = trie[child]
      if (state === undefined) continue
      state.fail = from === 0 ? 0 : suffixState(trie, trie[from]?.fail ?? 0, byte)
      state.hits = [...state.hits, ...(trie[state.fail]?.hits ?? [])]
      order.push(child)
    }
  }
  return order
}

function suffixState<T>(trie: readonly TrieState<T>[], from: number, byte: number): number {
  let state = from
  for (;;) {
    const child = trie[state]?.children.get(byte)
    if (child !== undefined) return child
    if (state === 0) return 0
    state = trie[state]?.fail ?? 0
  }
}

// eslint-disable-next-line complexity -- every ?? is a guard of an index that exists
function fillTable<T>(trie: readonly TrieState<T>[], order: readonly number[]): LiteralAutomaton<T> {
  // States with hits get the highest numbers, so that the scan tells them by one comparison.
  const quiet = order.filter((state) => trie[state]?.hits.length === 0)
  const loud = order.filter((state) => trie[state]?.hits.length !== 0)
  const numbers = new Map([...quiet, ...loud].map((state, number) => [state, number]))
  const table = new Uint16Array(trie.length * BYTE_VALUES)
  const depth = new Uint8Array(trie.length)
  for (const from of order) {
    const state = trie[from]
    const row = numbers.get(from) ?? 0
    depth[row] = state?.depth ?? 0
    const failRow = numbers.get(state?.fail ?? 0) ?? 0
    for (let byte = 0; byte < BYTE_VALUES; byte++) {
      const child = state?.children.get(FOLDED[byte] ?? 0)
      // Breadth first: the row of the shorter suffix is already complete.
      const fallback = from === 0 ? 0 : (table[failRow * BYTE_VALUES + byte] ?? 0)
      table[row * BYTE_VALUES + byte] = child === undefined ? fallback : (numbers.get(child) ?? 0)
    }
  }
  return { table, firstHit: quiet.length, hits: loud.map((state) => trie[state]?.hits ?? []), depth }
}
