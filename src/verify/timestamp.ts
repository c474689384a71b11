/** RFC 3339 times exactly as Go's `time.Time` writes them: another spelling of the same time has another signature. */

const DATE = '(\\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])'
const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d'
/** Fraction of up to nine digits without a zero at its end; never an offset of zero in digits. */
const RFC_3339 = new RegExp(`^${DATE}T${CLOCK}:[0-5]\\d(?:\\.\\d{0,8}[1-9])?(?:Z|[+-](?!00:00)${CLOCK})$`)
const ZERO_TIME = '0001-01-01T00:00:00Z'

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const FEBRUARY = 2
const LEAP_CYCLE_YEARS = 400

/** @returns whether Go would read the text and write it again letter for letter; Go's zero time counts as absent */
export function isGoTimestamp(text: string): boolean {
  const match = RFC_3339.exec(text)
  if (match === null || text === ZERO_TIME) return false
  const [year = 0, month = 0, day = 0] = match.slice(1).map(Number)
  return day <= daysIn(year, month)
}

function daysIn(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % LEAP_CYCLE_YEARS === 0)
  return (DAYS[month - 1] ?? 0) + (month === FEBRUARY && isLeap ? 1 : 0)
}
