/**
 * The one reader of the configuration file. All faults of form are told together, then all of shape, then all of sense;
 * nothing is half-loaded.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { buildConfig } from './build-config.ts'
import { checkAgents, fail, warn, type Findings } from './check-agents.ts'
import { checkBudgets } from './check-budgets.ts'
import { checkListeners } from './check-listeners.ts'
import { checkPolicy } from './check-policy.ts'
import { checkShape, type Environment } from './check-shape.ts'
import { checkState } from './check-state.ts'
import type { Config } from './config.ts'
import { inFileOrder, type ConfigErrors, type ConfigProblem } from './config-problem.ts'
import { readAllSecrets } from './own-secrets.ts'
import { MIN_TOKEN, TOKEN_FORM, type FileConfig } from './schema.ts'
import { isSourceErrors, MAX_FILE_BYTES, parseYamlSource, type SourceDocument } from './yaml-source.ts'

const NO_FILE = 'defaults'

/**
 * Reads, checks and freezes a configuration.
 *
 * @param path absent: the defaults
 * @param env where `${env:NAME}` of secret keys is looked up
 * @returns every problem of the file, or the configuration; never throws for a file that cannot be read. Synchronous, so
 *   that a reload is one turn of the event loop; the file is at most 1 MiB.
 */
export function loadConfig(path: string | undefined, env: Environment): Config | ConfigErrors {
  if (path === undefined) return check('', NO_FILE, NO_FILE, env)
  const unreadable = (message: string): ConfigErrors => ({ problems: [{ file: path, line: 0, column: 0, path: '', message }] })
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (thrown) {
    return unreadable(`expected a file that can be read, got ${errorCode(thrown)}`)
  }
  if (bytes.byteLength > MAX_FILE_BYTES) return unreadable(`expected a file of at most ${MAX_FILE_BYTES} bytes`)
  return parseBytes(bytes, path, env)
}

/** As loadConfig, for a text that was read already. `fileName` only names it in messages. */
export function parseConfig(text: string, fileName: string, env: Environment): Config | ConfigErrors {
  return check(text, fileName, sha256(Buffer.from(text)), env)
}

export function isConfigErrors(loaded: Config | ConfigErrors): loaded is ConfigErrors {
  return 'problems' in loaded
}

function parseBytes(bytes: Buffer, path: string, env: Environment): Config | ConfigErrors {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { problems: [{ file: path, line: 0, column: 0, path: '', message: 'expected UTF-8 text' }] }
  }
  return check(text, path, sha256(bytes), env)
}

function check(text: string, fileName: string, hash: string, env: Environment): Config | ConfigErrors {
  const source = parseYamlSource(text, fileName)
  if (isSourceErrors(source)) return source
  const shaped = checkShape(source, env)
  if (isProblems(shaped)) return { problems: inFileOrder(shaped) }

  const findings: Findings = { source, errors: [], warnings: [] }
  checkAgents(shaped, findings)
  checkListeners(shaped, findings)
  checkPolicy(shaped, findings)
  checkBudgets(shaped, findings)
  checkState(shaped, findings)
  checkToken(shaped, source, findings)
  const secrets = readAllSecrets(shaped, { env, findings })
  if (findings.errors.length > 0) return { problems: inFileOrder(findings.errors) }
  return buildConfig({ file: shaped, source, hash, secrets, warnings: inFileOrder(findings.warnings) })
}

function checkToken({ admin }: FileConfig, source: SourceDocument, findings: Findings): void {
  if (admin?.token === undefined) return
  if (admin.token.length < MIN_TOKEN) fail(findings, ['admin', 'token'], `expected ${TOKEN_FORM}, got a value that is not shown`)
  const written = (source.root['admin'] as { readonly token?: unknown } | undefined)?.token
  if (typeof written === 'string' && !written.startsWith("${env:")) warn(findings, ['admin', 'token'], 'a secret stands in the file: write ${env:NAME} instead')
}

function isProblems(shaped: FileConfig | readonly ConfigProblem[]): shaped is readonly ConfigProblem[] {
  return Array.isArray(shaped)
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function errorCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'an error'
}
