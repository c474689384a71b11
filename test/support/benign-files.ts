/** Ordinary pieces of text, taken from what a checkout and a machine already have. Nothing is downloaded. */

import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

export interface BenignPiece {
  readonly category: string
  /** Where it came from, for the report of a false alarm. */
  readonly name: string
  readonly type: string
  readonly content: Buffer
}

interface Source {
  readonly category: string
  readonly type: string
  /** Patterns from the root of the checkout, or absolute. */
  readonly patterns: readonly string[]
  readonly max: number
  readonly read?: (bytes: Buffer, name: string) => Buffer
}

const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url))
const MAX_PIECE_BYTES = 32_768
const MAX_COMMITS = 200
/** Pieces cut from one file that is a corpus by itself. */
const MAX_CUTS = 40

const dataUri = (bytes: Buffer): Buffer => Buffer.from(`<img alt="figure" src="data:image/png;base64,${bytes.toString('base64')}">`)
const unpacked = (bytes: Buffer, name: string): Buffer => (name.endsWith('.gz') ? gunzipSync(bytes) : bytes)

const SOURCES: readonly Source[] = [
  { category: 'package documentation', type: 'text/markdown', patterns: ['node_modules/**/*.md'], max: 400 },
  { category: 'licences', type: 'text/plain', patterns: ['node_modules/**/LICEN[CS]E*', '/usr/share/common-licenses/*'], max: 150 },
  { category: 'package manifests', type: 'application/json', patterns: ['node_modules/**/package.json'], max: 250 },
  { category: 'JavaScript source', type: 'text/javascript', patterns: ['node_modules/**/*.{js,cjs,mjs}'], max: 300 },
  { category: 'type declarations', type: 'text/plain', patterns: ['node_modules/**/*.d.ts'], max: 150 },
  { category: 'minified JavaScript', type: 'text/javascript', patterns: ['node_modules/**/*.min.js', '/usr/share/javascript/**/*.min.js'], max: 60 },
  { category: 'source maps', type: 'application/json', patterns: ['node_modules/**/*.map'], max: 100 },
  { category: 'own source', type: 'text/plain', patterns: ['src/**/*.ts', 'docs/**/*.md'], max: 200 },
  { category: 'manual pages', type: 'text/troff', patterns: ['/usr/share/man/man[1-8]/*.gz'], max: 300, read: unpacked },
  { category: 'manual pages in other languages', type: 'text/troff', patterns: ['/usr/share/man/{de,es,fr,ru,pt,it,ja,ko,zh_CN}/man*/*.gz'], max: 200, read: unpacked },
  { category: 'changelogs and copyright files', type: 'text/plain', patterns: ['/usr/share/doc/*/{changelog*,copyright,README*,NEWS*}'], max: 300, read: unpacked },
  { category: 'Python source', type: 'text/x-python', patterns: ['/usr/lib/python3*/**/*.py', '/usr/share/**/*.py'], max: 200 },
  { category: 'HTML pages', type: 'text/html', patterns: ['/usr/share/doc/**/*.html'], max: 100 },
  { category: 'images in base64', type: 'text/html', patterns: ['/usr/share/**/*.png'], max: 120, read: dataUri },
]

/** @returns pieces of every source that this machine has, evenly taken, the same ones in every run */
export function readBenignFiles(): BenignPiece[] {
  return [...SOURCES.flatMap(readSource), ...lockFilePieces(), ...commitPieces()]
}

function readSource({ category, type, patterns, max, read = (bytes) => bytes }: Source): BenignPiece[] {
  const names = patterns.flatMap((pattern) => globSync(pattern, { cwd: CHECKOUT })).sort()
  const step = Math.max(1, names.length / max)
  const picked = Array.from({ length: Math.min(max, names.length) }, (_, at) => names[Math.floor(at * step)] ?? '')
  return picked.flatMap((name) => {
    const bytes = readQuietly(name)
    if (bytes === undefined || bytes.length === 0) return []
    return [{ category, name, type, content: read(bytes, name).subarray(0, MAX_PIECE_BYTES) }]
  })
}

/** Documentation of a machine has dangling links and folders that match. */
function readQuietly(name: string): Buffer | undefined {
  try {
    return readFileSync(name.startsWith('/') ? name : `${CHECKOUT}${name}`)
  } catch {
    return undefined
  }
}

function lockFilePieces(): BenignPiece[] {
  const bytes = readQuietly('package-lock.json') ?? Buffer.alloc(0)
  const size = Math.ceil(bytes.length / MAX_CUTS)
  return Array.from({ length: MAX_CUTS }, (_, at) => bytes.subarray(at * size, (at + 1) * size))
    .filter(({ length }) => length > 0)
    .map((content, at) => ({ category: 'lock file', name: `package-lock.json part ${at}`, type: 'application/json', content }))
}

function commitPieces(): BenignPiece[] {
  const { stdout, status } = spawnSync('git', ['log', `-${MAX_COMMITS}`, '--stat', '--format=%x00commit %H%nAuthor: %an <%ae>%nDate: %ad%n%n%B'], { cwd: CHECKOUT, encoding: 'utf8' })
  if (status !== 0) return []
  return stdout.split('\0').filter((text) => text !== '').map((text) => ({ category: 'commit log', name: text.slice(0, 20), type: 'text/plain', content: Buffer.from(text) }))
}
