/**
 * Which patterns an operator may write: the part of the syntax that RE2 and JavaScript read alike, and of it only what a
 * backtracking engine matches in reasonable time. Text in, objection out; nothing is matched here.
 */

export const MAX_PATTERN_CHARACTERS = 1_000
const MAX_REPEAT = 1_000

/** What a repeat would multiply. */
interface Repeatable {
  /** Whether something inside repeats without bound. */
  unbounded: boolean
  /** Whether two alternatives inside could begin with the same character. */
  ambiguous: boolean
}

interface Group extends Repeatable {
  /** First character of each alternative so far; '' where it is not one certain character. */
  readonly firsts: string[]
  alternatives: number
  /** Atoms of the alternative that is being read. */
  atoms: number
}

interface Scan {
  readonly source: string
  at: number
  readonly groups: Group[]
  /** What the next quantifier would repeat; `undefined` where there is nothing. */
  last: Repeatable | undefined
}

interface Repeat {
  readonly length: number
  readonly min: number
  readonly max: number
}

/** Repeating what itself repeats multiplies the work: allowed only this often. */
const MAX_NESTED_REPEAT = 4

/** @returns why the pattern is refused, as the words after `expected`, or `undefined` */
export function checkLinearRegex(source: string): string | undefined {
  if (source === '') return 'a pattern that is not empty'
  if (source.length > MAX_PATTERN_CHARACTERS) return `a pattern of at most ${MAX_PATTERN_CHARACTERS} characters`
  const body = source.replace(/^\(\?[ims]+\)/, '')
  const scan: Scan = { source: body, at: 0, groups: [newGroup()], last: undefined }
  while (scan.at < body.length) {
    const objection = step(scan)
    if (objection !== undefined) return objection
  }
  return scan.groups.length === 1 ? checkCompiles(body) : 'a regular expression in RE2 syntax'
}

function newGroup(): Group {
  return { unbounded: false, ambiguous: false, firsts: [], alternatives: 1, atoms: 0 }
}

/** @param first the one character the atom matches, else '' */
function addAtom(scan: Scan, first: string, atom: Repeatable = { unbounded: false, ambiguous: false }): void {
  const group = scan.groups.at(-1)
  if (group !== undefined) {
    if (group.atoms === 0) group.firsts.push(first.toLowerCase())
    group.atoms += 1
  }
  scan.last = atom
}

/** Without the `u` flag, which refuses escaped punctuation (`\\-`) that RE2 allows. */
function checkCompiles(source: string): string | undefined {
  try {
    return new RegExp(source).test('') ? 'a pattern that does not match the empty text' : undefined
  } catch {
    return 'a regular expression in RE2 syntax'
  }
}

function step(scan: Scan): string | undefined {
  const character = scan.source.charAt(scan.at)
  if (character === '\\') return stepEscape(scan)
  if (character === '[') return stepClass(scan)
  if (character === '(') return stepOpen(scan)
  if (character === ')') return stepClose(scan)
  if (character === '|') {
    stepAlternative(scan)
    return undefined
  }
  const repeat = repeatAt(scan.source, scan.at)
  if (repeat !== undefined) return stepRepeat(scan, repeat)
  scan.at += 1
  if (character === '^' || character === '$') scan.last = undefined
  else addAtom(scan, character === '.' ? '' : character)
  return undefined
}

function stepEscape(scan: Scan): string | undefined {
  const next = scan.source.charAt(scan.at + 1)
  if (/[1-9]/.test(next) || next === 'k') return 'a pattern without back-references'
  // Other letters mean one thing to RE2 and another, or nothing, to JavaScript.
  if (/[A-Za-z]/.test(next) && !'dDwWsSbBnrtfvx'.includes(next)) return `a pattern without \\${next}`
  if (scan.source.startsWith('\\x{', scan.at)) return 'a pattern without \\x{…}'
  scan.at += 2
  if (next === 'b' || next === 'B') scan.last = undefined
  else addAtom(scan, /[A-Za-z0-9]/.test(next) ? '' : next)
  return undefined
}

function stepClass(scan: Scan): string | undefined {
  let at = scan.at + 1
  if (scan.source.startsWith('[:', at)) return 'a pattern without POSIX classes'
  while (at < scan.source.length && scan.source.charAt(at) !== ']') at += scan.source.charAt(at) === '\\' ? 2 : 1
  if (at >= scan.source.length) return 'a regular expression in RE2 syntax'
  if (scan.source.slice(scan.at + 1, at).includes('[:')) return 'a pattern without POSIX classes'
  scan.at = at + 1
  addAtom(scan, '')
  return undefined
}

function stepOpen(scan: Scan): string | undefined {
  const rest = scan.source.slice(scan.at)
  if (/^\(\?(?:=|!|<=|<!)/.test(rest)) return 'a pattern without look-around'
  const opening = /^\((?:\?:|\?[ims]+(?:-[ims]+)?:|\?-[ims]+:|(?!\?))/.exec(rest)
  if (opening === null) return 'a pattern without named groups and flags inside it'
  scan.groups.push(newGroup())
  scan.at += opening[0].length
  scan.last = undefined
  return undefined
}

function stepClose(scan: Scan): string | undefined {
  const group = scan.groups.pop()
  const parent = scan.groups.at(-1)
  if (group === undefined || parent === undefined) return 'a regular expression in RE2 syntax'
  parent.unbounded ||= group.unbounded
  const ambiguous = group.ambiguous || isAmbiguous(group)
  parent.ambiguous ||= ambiguous
  scan.at += 1
  addAtom(scan, '', { unbounded: group.unbounded, ambiguous })
  return undefined
}

/** Alternatives are told apart by their first character, or a repeat of them can be read in many ways. */
function isAmbiguous({ firsts, alternatives }: Group): boolean {
  return alternatives > 1 && (firsts.includes('') || new Set(firsts).size < alternatives)
}

function stepAlternative(scan: Scan): void {
  const group = scan.groups.at(-1)
  if (group !== undefined) {
    if (group.atoms === 0) group.firsts.push('')
    group.alternatives += 1
    group.atoms = 0
  }
  scan.at += 1
  scan.last = undefined
}

function stepRepeat(scan: Scan, { length, min, max }: Repeat): string | undefined {
  const { last } = scan
  const group = scan.groups.at(-1)
  if (last === undefined || group === undefined) return 'a regular expression in RE2 syntax'
  const objection = objectionToRepeat(last, max)
  if (objection !== undefined) return objection
  if (max === Infinity) group.unbounded = true
  // An optional first atom: the alternative can begin with the one after it.
  if (min === 0 && group.atoms === 1) group.firsts[group.firsts.length - 1] = ''
  scan.at += length
  scan.last = undefined
  return undefined
}

function objectionToRepeat({ unbounded, ambiguous }: Repeatable, max: number): string | undefined {
  if (max !== Infinity && max > MAX_REPEAT) return `a repeat of at most ${MAX_REPEAT}`
  if (max > MAX_NESTED_REPEAT && unbounded) return 'a pattern without a repeat inside a repeat'
  return max > MAX_NESTED_REPEAT && ambiguous ? 'a pattern whose repeated alternatives begin with different characters' : undefined
}

function repeatAt(source: string, at: number): Repeat | undefined {
  const match = /^(?:[*+?]|\{(\d+)(,)?(\d+)?\})\??/.exec(source.slice(at, at + 24))
  if (match === null) return undefined
  const [text, low, comma, high] = match
  if (low === undefined) return { length: text.length, min: text.startsWith('+') ? 1 : 0, max: text.startsWith('?') ? 1 : Infinity }
  const open = comma === undefined ? Number(low) : Infinity
  return { length: text.length, min: Number(low), max: high === undefined ? open : Number(high) }
}
