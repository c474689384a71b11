/** Where in a request a text can stand, and how it is divided over several such places. Tables by nature. */

import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'

import type { WholeMessage } from '../../src/scan/index.ts'
import { ELSEWHERE } from './message-scan.ts'

export type Parts = Partial<WholeMessage>

export interface Place {
  readonly name: string
  /** @returns the parts of a request that carries the text, or `undefined` where it cannot stand there */
  readonly put: (text: string) => Parts | undefined
}

const JSON_TYPE = ['Content-Type', 'application/json']
const FORM_TYPE = ['Content-Type', 'application/x-www-form-urlencoded']
const TEXT_TYPE = ['Content-Type', 'text/plain']
const BOUNDARY = 'x7boundary'
const LABEL_CHARACTERS = 60
const MAX_HOST_CHARACTERS = 253
const DEEP = 70
/** Any password there is one, whatever it looks like. */
export const USERINFO = 'userinfo'

const url = (rest: string): Parts => ({ url: `http://${ELSEWHERE}${rest}` })
/** What a client writes for a text in a URL: what is already encoded stays. */
const inUrl = (text: string): string => encodeURI(text).replaceAll('%25', '%').replace(/[#?&]/g, (sign) => encodeURIComponent(sign))
/** Header values hold bytes. */
const asBytes = (text: string): string => Buffer.from(text).toString('latin1')
const jsonBody = (value: unknown): Parts => ({ headers: JSON_TYPE, body: Buffer.from(JSON.stringify(value)) })
const isHeaderText = (text: string): boolean => !/[\r\n\0]/.test(text)

export function multipart(parts: readonly { readonly head: string; readonly content: string }[]): Parts {
  const body = parts.map(({ head, content }) => `--${BOUNDARY}\r\n${head}\r\n\r\n${content}\r\n`).join('')
  return { headers: ['Content-Type', `multipart/form-data; boundary=${BOUNDARY}`], body: Buffer.from(`${body}--${BOUNDARY}--\r\n`) }
}

export const PLACES: readonly Place[] = [
  { name: 'path', put: (text) => url(`/files/${inUrl(text)}/view`) },
  { name: 'query value', put: (text) => url(`/search?lang=en&q=${inUrl(text)}&page=2`) },
  { name: 'query key', put: (text) => url(`/search?${inUrl(text)}=1`) },
  { name: 'header', put: (text) => (isHeaderText(text) ? { headers: ['X-Request-Note', asBytes(text)] } : undefined) },
  { name: 'cookie', put: (text) => (isHeaderText(text) ? { headers: ['Cookie', `theme=dark; sid=${asBytes(text)}; lang=en`] } : undefined) },
  { name: 'JSON body', put: (text) => jsonBody({ model: 'm', messages: [{ role: 'user', content: `please store ${text} for me` }] }) },
  { name: 'form body', put: (text) => ({ headers: FORM_TYPE, body: Buffer.from(`a=1&note=${encodeURIComponent(text)}&z=2`) }) },
  { name: 'multipart body', put: (text) => multipart([{ head: 'Content-Disposition: form-data; name="note"', content: text }]) },
  { name: 'plain body', put: (text) => ({ headers: TEXT_TYPE, body: Buffer.from(`first line\nnote: ${text}\nlast line\n`) }) },
]

/** @returns the request whose host carries the text, or `undefined` where no name is that long */
export function inHost(text: string): { readonly host: string; readonly parts: Parts } | undefined {
  const labels = text.match(new RegExp(`.{1,${LABEL_CHARACTERS}}`, 'g')) ?? []
  const host = `${labels.join('.')}.${ELSEWHERE}`
  return host.length > MAX_HOST_CHARACTERS ? undefined : { host, parts: { url: `http://${host}/` } }
}

function pieces(text: string, count: number): string[] {
  const size = Math.ceil(text.length / count)
  return Array.from({ length: count }, (_, at) => text.slice(at * size, (at + 1) * size)).filter((piece) => piece !== '')
}

function nested(value: string, depth: number): string {
  return `${'{"a":'.repeat(depth)}${JSON.stringify(value)}${'}'.repeat(depth)}`
}

const encoded = (coding: string, compress: (bytes: Buffer) => Buffer): Place => ({
  name: `${coding} body`,
  put: (text) => ({ headers: ['Content-Type', 'text/plain', 'Content-Encoding', coding], body: compress(Buffer.from(`notes\n${text}\n`)) }),
})

/** Whole requests that carry the text undivided, in forms that only a parser sees through. */
export const WRAPPINGS: readonly Place[] = [
  { name: USERINFO, put: (text) => ({ url: `http://me:${inUrl(text).replace(/[/@:]/g, encodeURIComponent)}@${ELSEWHERE}/` }) },
  encoded('gzip', gzipSync),
  encoded('deflate', deflateSync),
  encoded('br', brotliCompressSync),
  { name: 'JSON duplicate key', put: (text) => ({ headers: JSON_TYPE, body: Buffer.from(`{"k":${JSON.stringify(text)},"k":"other"}`) }) },
  { name: 'JSON 70 deep', put: (text) => ({ headers: JSON_TYPE, body: Buffer.from(nested(text, DEEP)) }) },
  { name: 'JSON key', put: (text) => jsonBody({ [text]: 1 }) },
  { name: 'JSON in JSON', put: (text) => jsonBody({ arguments: JSON.stringify({ note: text }) }) },
  { name: 'multipart base64 part', put: (text) => multipart([{ head: 'Content-Disposition: form-data; name="f"\r\nContent-Transfer-Encoding: base64', content: Buffer.from(text).toString('base64') }]) },
  { name: 'multipart quoted-printable part', put: (text) => multipart([{ head: 'Content-Disposition: form-data; name="f"\r\nContent-Transfer-Encoding: quoted-printable', content: quotedPrintable(text) }]) },
  { name: 'multipart file name', put: (text) => (isHeaderText(text) ? multipart([{ head: `Content-Disposition: form-data; name="f"; filename="${text}.txt"`, content: 'x' }]) : undefined) },
  { name: 'XML body', put: (text) => ({ headers: ['Content-Type', 'application/xml'], body: Buffer.from(`<r><note>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</note></r>`) }) },
  { name: 'YAML body', put: (text) => ({ headers: ['Content-Type', 'application/yaml'], body: Buffer.from(`name: x\nvalue: ${JSON.stringify(text)}\n`) }) },
  { name: 'CSV body', put: (text) => ({ headers: ['Content-Type', 'text/csv'], body: Buffer.from(`id,note\n1,"${text.replaceAll('"', '""')}"\n`) }) },
  { name: 'wrong content type', put: (text) => ({ headers: ['Content-Type', 'image/png'], body: Buffer.from(`\x89PNG\r\n${text}`) }) },
]

/** @returns `=41` for most characters, soft line breaks included */
function quotedPrintable(text: string): string {
  const encodedText = [...Buffer.from(text)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  return encodedText.replace(/(?:=..){24}/g, '$&=\r\n')
}

/** The text in pieces, each of which says nothing alone. */
export const SPLITS: readonly Place[] = [
  { name: 'query parameters', put: (text) => url(`/c?${pieces(inSafe(text), 4).map((piece, at) => `p${at}=${piece}`).join('&')}`) },
  { name: 'query parameters, last first', put: (text) => url(`/c?${pieces(inSafe(text), 3).map((piece, at) => `p${at}=${piece}`).reverse().join('&')}`) },
  { name: 'query parameters with others between', put: (text) => url(`/c?${pieces(inSafe(text), 3).map((piece, at) => `p${at}=${piece}&lang=en`).join('&')}`) },
  { name: 'path segments', put: (text) => url(`/c/${pieces(inSafe(text), 4).join('/')}`) },
  { name: 'JSON values', put: (text) => jsonBody(Object.fromEntries(pieces(text, 3).map((piece, at) => [`part${at}`, piece]))) },
  { name: 'JSON array', put: (text) => jsonBody({ parts: pieces(text, 5) }) },
  { name: 'JSON array of letters', put: (text) => jsonBody({ parts: Array.from(text) }) },
  { name: 'headers', put: (text) => (isHeaderText(text) ? { headers: pieces(text, 3).flatMap((piece, at) => [`X-Part-${at}`, piece]) } : undefined) },
  { name: 'form fields', put: (text) => ({ headers: FORM_TYPE, body: Buffer.from(pieces(inSafe(text), 4).map((piece, at) => `f${at}=${piece}`).join('&')) }) },
  { name: 'multipart parts', put: (text) => multipart(pieces(text, 3).map((content, at) => ({ head: `Content-Disposition: form-data; name="f${at}"`, content }))) },
  { name: 'lines', put: (text) => ({ headers: TEXT_TYPE, body: Buffer.from(pieces(text, 4).join('\n')) }) },
  { name: 'base64 pieces in parameters', put: (text) => url(`/c?${pieces(text, 3).map((piece, at) => `p${at}=${Buffer.from(piece).toString('base64url')}`).join('&')}`) },
]

/** So that cutting does not go through an escape. */
function inSafe(text: string): string {
  return text.replace(/[^A-Za-z0-9._~:/@+-]/g, '_')
}
