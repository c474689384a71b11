/** Durations and sizes as people write them: `250ms`, `5m`, `10MiB`. */

const MS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

const BYTES_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['kB', 1_000],
  ['KB', 1_000],
  ['MB', 1_000_000],
  ['GB', 1_000_000_000],
  ['KiB', 1_024],
  ['MiB', 1_048_576],
  ['GiB', 1_073_741_824],
])

export const DURATION_TEXT = /^[0-9]{1,12}(?:ms|s|m|h|d)$/
export const SIZE_TEXT = /^[0-9]{1,15}(?:B|kB|KB|MB|GB|KiB|MiB|GiB)$/

/** @param text matches DURATION_TEXT */
export function durationMs(text: string): number {
  return amount(text, MS_PER_UNIT)
}

/** @param text matches SIZE_TEXT */
export function sizeBytes(text: string): number {
  return amount(text, BYTES_PER_UNIT)
}

/** @returns the shortest exact text: `5m`, not `300s` */
export function formatDuration(ms: number): string {
  return exactUnit(ms, [...MS_PER_UNIT])
}

/** @returns the shortest exact text in binary units: `10MiB`, else whole bytes */
export function formatSize(bytes: number): string {
  return exactUnit(bytes, [...BYTES_PER_UNIT].filter(([unit]) => unit === 'B' || unit.includes('i')))
}

function amount(text: string, units: ReadonlyMap<string, number>): number {
  const digits = /^[0-9]+/.exec(text)?.[0] ?? ''
  return Number(digits) * (units.get(text.slice(digits.length)) ?? Number.NaN)
}

function exactUnit(value: number, units: readonly (readonly [string, number])[]): string {
  const [smallest = ''] = units[0] ?? []
  const fitting = units.findLast(([, factor]) => value !== 0 && value % factor === 0)
  return fitting === undefined ? `${value}${smallest}` : `${value / fitting[1]}${fitting[0]}`
}
