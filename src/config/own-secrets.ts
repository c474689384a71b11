/**
 * Reads the secrets that an agent holds, from the environment, a file and the canary tokens, and keeps only their prints. What
 * cannot be read is an error: a secret that is silently not looked for is not protected.
 */

import { readFileSync, statSync } from 'node:fs'

import { createOwnSecret, MAX_SECRET_BYTES, MIN_SECRET_BYTES, type OwnSecret } from '../model/own-secret.ts'
import { fail, type Findings } from './check-agents.ts'
import type { Environment } from './check-shape.ts'
import type { KeyPath } from './config-problem.ts'
import { DEFAULTS } from './defaults.ts'
import { fillIn } from './fill-in.ts'
import { agentEntries, TOP_LEVEL, type SecretsByProfile } from './profile-fields.ts'
import type { FileConfig, FileProfile } from './schema.ts'

const MAX_ENTRIES = 1000
const MAX_FILE_BYTES = 4_194_304
const OTHERS = 0o077
/** Values whose characters are all alike are settings. */
const MIN_SHANNON_BITS = 3
/** Variables that are long and no secret on most systems. */
const ORDINARY = /^(?:PATH|HOME|PWD|OLDPWD|SHELL|TERM.*|LANG|LC_.*|XDG_.*|USER.*|LOGNAME|HOST.*|DISPLAY|WAYLAND_.*|EDITOR|PAGER|LESS.*|LS_COLORS|MAIL|TZ|TMP.*|TEMP|NODE_(?!AUTH).*|NPM_CONFIG_(?!.*AUTH).*|npm_(?!.*(?:auth|token)).*|NVM_.*|PYTHON.*|JAVA_HOME|GOPATH|GOROOT|CARGO_HOME|MANPATH|INFOPATH|SSH_(?:AUTH_SOCK|CLIENT|CONNECTION|TTY)|DBUS_.*|_)$/

interface Reading {
  readonly env: Environment
  readonly findings: Findings
}

export function readAllSecrets(file: FileConfig, reading: Reading): SecretsByProfile {
  const ofProfiles = agentEntries(file).map(([name, written]): [string, OwnSecret[]] => [name, readOwnSecrets(written, ['agents', name], reading)])
  return new Map([[TOP_LEVEL, readOwnSecrets(file, [], reading)], ...ofProfiles])
}

/** @returns what one level of the file names, in its order; problems go to the findings */
function readOwnSecrets(level: FileConfig | FileProfile, path: KeyPath, reading: Reading): OwnSecret[] {
  const dlp = fillIn(DEFAULTS.dlp, level.dlp)
  const canaries = fillIn(DEFAULTS.canary_tokens, level.canary_tokens)
  const file = level.dlp?.secrets_file
  const secrets = [
    ...dlp.env_secrets.flatMap((name, at) => fromVariable(`own.env.${name}`, name, [...path, 'dlp', 'env_secrets', at], reading)),
    ...(dlp.scan_env ? fromEnvironment(dlp.min_env_secret_length, reading) : []),
    ...(file === undefined ? [] : fromFile(file, [...path, 'dlp', 'secrets_file'], reading)),
    ...(canaries.enabled ? canaries.tokens.flatMap((token, at) => fromCanary(token, [...path, 'canary_tokens', 'tokens', at], reading)) : []),
  ]
  if (secrets.length > MAX_ENTRIES) fail(reading.findings, [...path, 'dlp'], `expected at most ${MAX_ENTRIES} secrets, got ${secrets.length}`)
  return secrets
}

function fromVariable(rule: string, name: string, path: KeyPath, { env, findings }: Reading): OwnSecret[] {
  const value = env[name]
  if (value === undefined || value === '') fail(findings, path, `expected the environment variable ${name} to be set, got nothing`)
  else if (!hasUsableLength(value)) fail(findings, path, `expected a value of ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes in ${name}, got another length`)
  else return [createOwnSecret(rule, value)]
  return []
}

function fromEnvironment(minLength: number, { env }: Reading): OwnSecret[] {
  return Object.entries(env).flatMap(([name, value = '']) =>
    value.length >= minLength && hasUsableLength(value) && !ORDINARY.test(name) && shannonBits(value) > MIN_SHANNON_BITS ? [createOwnSecret(`own.env.${name}`, value)] : [],
  )
}

function fromFile(file: string, path: KeyPath, { findings }: Reading): OwnSecret[] {
  let text: string
  try {
    const { mode, size } = statSync(file)
    if ((mode & OTHERS) !== 0) fail(findings, path, 'expected a file that its owner alone may read (mode 0600), got one that others may')
    if (size > MAX_FILE_BYTES) fail(findings, path, `expected at most ${MAX_FILE_BYTES} bytes, got ${size}`)
    text = (mode & OTHERS) !== 0 || size > MAX_FILE_BYTES ? '' : readFileSync(file, 'utf8')
  } catch {
    fail(findings, path, 'expected a file that can be read')
    return []
  }
  return text.split('\n').flatMap((line, at) => {
    const value = line.replace(/\r$/, '')
    if (value.trim() === '' || value.startsWith('#')) return []
    if (hasUsableLength(value)) return [createOwnSecret(`own.file.line-${at + 1}`, value)]
    fail(findings, path, `expected secrets of ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes, got another length in line ${at + 1}`)
    return []
  })
}

function fromCanary({ name, value, env_var: variable }: { readonly name: string; readonly value?: string | undefined; readonly env_var?: string | undefined }, path: KeyPath, reading: Reading): OwnSecret[] {
  const rule = `canary.${name}`
  if ((value === undefined) === (variable === undefined)) {
    fail(reading.findings, path, 'expected either value or env_var')
    return []
  }
  if (variable !== undefined) return fromVariable(rule, variable, [...path, 'env_var'], reading)
  return value === undefined ? [] : [createOwnSecret(rule, value)]
}

function hasUsableLength(value: string): boolean {
  const bytes = Buffer.byteLength(value)
  return bytes >= MIN_SECRET_BYTES && bytes <= MAX_SECRET_BYTES
}

function shannonBits(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  return [...counts.values()].reduce((bits, count) => bits - (count / text.length) * Math.log2(count / text.length), 0)
}
