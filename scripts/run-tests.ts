/**
 * Runs the test suite and closes with what it could not run for want of a program or a right on this machine.
 *
 *   node bin/node24.js scripts/run-tests.ts [--prove] [--coverage] [FILE ...]
 *
 * CHAPERONE_TEST_NODE runs the tests under another Node binary; CHAPERONE_REQUIRE_ALL=1 makes a missing service a failure.
 */

import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SUITE = ['src/**/*.test.ts', 'test/{integration,properties,architecture,e2e}/**/*.test.ts']
const PROVE = ['test/prove/**/*.test.ts']
/** Lines that must be covered, in percent: of the suite as a whole. */
const LINE_COVERAGE = 90

const options = process.argv.slice(2)
const named = options.filter((option) => !option.startsWith('--'))
const patterns = options.includes('--prove') ? PROVE : SUITE
const files = named.length > 0 ? named : patterns.flatMap((pattern) => globSync(pattern)).sort()
const coverage = ['--experimental-test-coverage', '--test-coverage-include=src/**/*.ts', '--test-coverage-exclude=**/*.test.ts', `--test-coverage-lines=${LINE_COVERAGE}`]

const folder = mkdtempSync(join(tmpdir(), 'chaperone-tests-'))
const missedFile = join(folder, 'missed')
writeFileSync(missedFile, '')

const run = spawnSync(
  process.env['CHAPERONE_TEST_NODE'] ?? process.execPath,
  ['--test', '--test-reporter=spec', '--test-reporter-destination=stdout', ...(options.includes('--coverage') ? coverage : []), ...files],
  { stdio: 'inherit', env: { ...process.env, CHAPERONE_MISSED_FILE: missedFile } },
)

const missed = [...new Set(readFileSync(missedFile, 'utf8').split('\n').filter((line) => line !== ''))].sort()
rmSync(folder, { recursive: true })

process.stdout.write(missed.length === 0 ? '\nnothing was missed: every service and right that the tests want is here\n' : `\nmissed on this machine (${missed.length}):\n`)
for (const line of missed) process.stdout.write(`  ${line}\n`)
const isIncomplete = missed.length > 0 && process.env['CHAPERONE_REQUIRE_ALL'] === '1'
if (isIncomplete) process.stdout.write('CHAPERONE_REQUIRE_ALL=1: a missing service is a failure\n')
process.exitCode = run.status === 0 && !isIncomplete ? 0 : 1
