/**
 * Header fields as they stood on the wire: a flat list `[name, value, name, value, ...]` in order, case and repetition
 * kept, values as latin-1 text. It is the form both node:http (`rawHeaders`) and undici take, so nothing is rebuilt.
 */

export type RawHeaders = readonly string[]

/** @returns every value of the field, in order; `name` in lower case */
export function headerValues(headers: RawHeaders, name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const field = headers[i] ?? ''
    if (field.length === name.length && field.toLowerCase() === name) values.push(headers[i + 1] ?? '')
  }
  return values
}

/** @returns the first value of the field, or `undefined`; `name` in lower case */
export function headerValue(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const field = headers[i] ?? ''
    if (field.length === name.length && field.toLowerCase() === name) return headers[i + 1] ?? ''
  }
  return undefined
}

const NO_NAMES: ReadonlySet<string> = new Set()

/** @returns the fields whose lower-cased name is neither in `names` nor in `also` */
export function withoutHeaders(headers: RawHeaders, names: ReadonlySet<string>, also = NO_NAMES): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const field = headers[i] ?? ''
    const name = field.toLowerCase()
    if (!names.has(name) && !also.has(name)) kept.push(field, headers[i + 1] ?? '')
  }
  return kept
}

/** @returns the comma-separated members of every line of a list field (RFC 9110 §5.6.1), lower-cased, empty ones dropped */
export function headerTokens(headers: RawHeaders, name: string): string[] {
  const values = headerValues(headers, name)
  if (values.length === 0) return values
  return values
    .flatMap((value) => value.split(','))
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== '')
}
