/**
 * Finds all of a set of literals in one pass (Aho and Corasick, 1975), as a complete table: two loads per byte, and one more
 * tells what kinds of byte went by. Letters match in either case and any digit matches any digit, so a hit is only a reason
 * to look closer.
 */

export interface LiteralHit<T> {
  readonly value: T
  /** Bytes of the literal; it ends where the hit was reported. */
  readonly length: number
}

export interface LiteralAutomaton<T> {
  /** By byte value: its column in the table in the low bits, its flags (`FLAG_SHIFT`) above them. */
  readonly columns: Uint16Array
  /** `next state = table[(state << shift) | column]`; state 0 is the start. */
  readonly table: Uint16Array
  readonly shift: number
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

export const MAX_STATES = 65_535
/** Where the flags of a byte begin in its column word. */
export const FLAG_SHIFT = 8
/** The byte may begin an escape that the folded view undoes: `%`, `\`, `&`, or a byte beyond ASCII. */
export const FLAG_FOLDABLE = 1 << FLAG_SHIFT
export const COLUMN_MASK = FLAG_FOLDABLE - 1

const BYTE_VALUES = 256
const MAX_LITERAL_BYTES = 255
const FIRST_DIGIT = 0x30
const FIRST_BEYOND_ASCII = 0x80
const FOLDED = Uint8Array.from({ length: BYTE_VALUES }, (_, byte) => foldByte(byte))

interface TrieState<T> {
  readonly children: Map<number, number>
  readonly depth: number
  hits: LiteralHit<T>[]
  fail: number
}

/** @throws {LiteralLimitError} */
export function compileLiterals<T>(literals: readonly { readonly literal: Uint8Array; readonly value: T }[]): LiteralAutomaton<T> {
  const trie: TrieState<T>[] = [{ children: new Map(), depth: 0, hits: [], fail: 0 }]
  for (const { literal, value } of literals) addLiteral(trie, literal, value)
  if (trie.length > MAX_STATES) throw new LiteralLimitError(`${trie.length} states are more than ${MAX_STATES}`)
  return fillTable(trie, linkFailures(trie))
}

/** @returns the byte as the automaton sees it: lower case, any digit as 0 */
export function foldByte(byte: number): number {
  if (byte >= FIRST_DIGIT && byte <= 0x39) return FIRST_DIGIT
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}

function addLiteral<T>(trie: TrieState<T>[], bytes: Uint8Array, value: T): void {
  if (bytes.length === 0 || bytes.length > MAX_LITERAL_BYTES) throw new LiteralLimitError(`a literal of ${bytes.length} bytes`)
  let state = 0
  for (const byte of bytes) {
    const folded = foldByte(byte)
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

/** Bytes that no literal holds share column 0, which leads back to the start from everywhere. */
function assignColumns<T>(trie: readonly TrieState<T>[]): { readonly columns: Uint16Array; readonly byColumn: readonly number[] } {
  const used = new Set(trie.flatMap(({ children }) => [...children.keys()]))
  const byColumn = [...used].sort((a, b) => a - b)
  const columnOf = new Map(byColumn.map((byte, at) => [byte, at + 1]))
  const columns = Uint16Array.from({ length: BYTE_VALUES }, (_, byte) => (columnOf.get(FOLDED[byte] ?? 0) ?? 0) | (isFoldable(byte) ? FLAG_FOLDABLE : 0))
  return { columns, byColumn }
}

function isFoldable(byte: number): boolean {
  return byte >= FIRST_BEYOND_ASCII || byte === 0x25 || byte === 0x5c || byte === 0x26
}

// eslint-disable-next-line complexity -- every ?? is a guard of an index that exists
function fillTable<T>(trie: readonly TrieState<T>[], order: readonly number[]): LiteralAutomaton<T> {
  // States with hits get the highest numbers, so that the scan tells them by one comparison.
  const quiet = order.filter((state) => trie[state]?.hits.length === 0)
  const loud = order.filter((state) => trie[state]?.hits.length !== 0)
  const numbers = new Uint32Array(trie.length)
  for (const [number, state] of [...quiet, ...loud].entries()) numbers[state] = number
  const { columns, byColumn } = assignColumns(trie)
  const shift = Math.max(1, Math.ceil(Math.log2(byColumn.length + 1)))
  const table = new Uint16Array(trie.length << shift)
  const depth = new Uint8Array(trie.length)
  for (const from of order) {
    const state = trie[from]
    const row = (numbers[from] ?? 0) << shift
    const failRow = (numbers[state?.fail ?? 0] ?? 0) << shift
    depth[numbers[from] ?? 0] = state?.depth ?? 0
    for (let column = 1; column <= byColumn.length; column++) {
      const child = state?.children.get(byColumn[column - 1] ?? 0)
      // Breadth first: the row of the shorter suffix is already complete.
      const fallback = from === 0 ? 0 : (table[failRow | column] ?? 0)
      table[row | column] = child === undefined ? fallback : (numbers[child] ?? 0)
    }
  }
  return { columns, table, shift, firstHit: quiet.length, hits: loud.map((state) => trie[state]?.hits ?? []), depth }
}
