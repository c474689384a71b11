/** The word a mistyped one was probably meant to be. */

/** @returns the nearest candidate within a third of the word's length in edits (a swap of neighbours is one), or `undefined` */
export function closestWord(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3))
  let best: { word: string; distance: number } | undefined
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > limit) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { word: candidate, distance }
  }
  return best?.word
}

/** Levenshtein's distance; two swapped neighbours count once. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const kept = at(above, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(at(above, j) + 1, at(row, j - 1) + 1, kept, isSwap(a, b, i, j) ? at(before, j - 2) + 1 : Infinity))
    }
    before = above
    above = row
  }
  return at(above, b.length)
}

/** Whether the two characters that end at `i` and `j` are each other's reverse. */
function isSwap(a: string, b: string, i: number, j: number): boolean {
  return i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity
}
