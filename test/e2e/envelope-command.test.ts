/** `chaperone envelope inspect|verify` as it is run: captured requests in files and on standard input, exit codes, text and JSON. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import type { EnvelopeInspection, EnvelopeVerification } from '../../src/verify/envelope/index.ts'
import { LAUNCHER, runCli, type CliRun } from '../support/cli.ts'
import { ACTOR, BODY, createEnvelopeRig, newSigner, NOW_S, SELF, type EnvelopeRig } from '../support/envelope-rig.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

interface Capture {
  readonly rig: EnvelopeRig
  readonly folder: string
  readonly file: string
  readonly text: string
  /** Writes a file and gives its path. */
  readonly write: (name: string, content: string) => string
}

function capture(t: TestContext, change: (text: string) => string = (text) => text, dialect: 'pipelock' | 'chaperone' = 'chaperone'): Capture {
  const rig = createEnvelopeRig(dialect)
  const { message } = rig.signed()
  const lines = message.headers.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${message.headers[at + 1] ?? ''}`] : []))
  const text = change([`${message.method} ${message.requestTarget} HTTP/1.1`, ...lines, `Content-Length: ${BODY.length}`, '', BODY.toString()].join('\r\n'))
  const folder = temporaryFolder(t)
  const write = (name: string, content: string): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  return { rig, folder, text, file: write('request.http', text), write }
}

const verify = (file: string, ...args: readonly string[]): Promise<CliRun> => runCli(['envelope', 'verify', file, ...args])

test('a captured request is verified with the public key, and the report says what nobody vouched for', async (t) => {
  const { file, rig } = capture(t)
  const { code, stdout, stderr } = await verify(file, '--key', rig.signer.publicKeyHex)
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, new RegExp(`^VALID: .*\\(no trust list: .*\\)\n {2}actor: ${ACTOR}\n {2}key: ${ACTOR}#[0-9a-f]{8}\n {2}origin: https://b.example\n`))
  assert.match(stdout, /created 2027-01-15T08:00:00Z, expires 2027-01-15T08:01:00Z, judged at 2027-01-15T08:00:00Z\n {2}a replay cannot be seen in one capture\n$/)
})

test('with a trust list the key is held to it, in YAML and JSON', async (t) => {
  const { file, rig, write } = capture(t)
  const yaml = write('trust.yaml', `trust_list:\n  - key_id: ${rig.keyId}\n    public_key: ${rig.signer.publicKeyHex}\n    trust_domains: [a.example]\n    paths: [/a2a/*]\n    dialect: chaperone\n`)
  assert.equal((await verify(file, '--trust', yaml)).code, 0)
  const json = write('trust.json', JSON.stringify([{ ...rig.entry, paths: ['/other'] }]))
  const refused = await verify(file, '--trust', json, '--json')
  const report = JSON.parse(refused.stdout) as EnvelopeVerification
  assert.deepEqual([refused.code, report.valid, report.reason, report.trust], [1, false, 'path_not_allowed', 'listed'])
  const revoked = write('revoked.json', JSON.stringify([{ ...rig.entry, revoked: true }]))
  assert.match((await verify(file, '--trust', revoked)).stdout, /^INVALID: .*: revoked: the key is revoked\n$/)
  assert.match((await verify(file, '--trust', yaml, '--key', newSigner().publicKeyHex)).stdout, /: not_trusted: /)
})

test('what was changed is invalid, with the reason of the listener', async (t) => {
  const changes: readonly (readonly [(text: string) => string, string])[] = [
    [(text) => text.replace('/a2a/run', '/a2a/all'), 'signature'],
    [(text) => text.replace('summarise', 'summarize'), 'digest'],
    [(text) => text.replace('X-Tag: one', 'X-Tag: two'), 'signature'],
    [(text) => text.replace(/Signature: .*\r\n/, ''), 'missing'],
    [(text) => text.replace('"@method" ', ''), 'coverage'],
  ]
  for (const [change, reason] of changes) {
    const { file, rig } = capture(t, change)
    const { code, stdout } = await verify(file, '--key', rig.signer.publicKeyHex, '--json')
    const report = JSON.parse(stdout) as EnvelopeVerification
    assert.deepEqual([code, report.reason], [1, reason])
  }
})

test('time, receiver and origin can be given', async (t) => {
  const { file, rig } = capture(t)
  const key = ['--key', rig.signer.publicKeyHex]
  const reason = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await verify(file, ...key, ...args, '--json')
    return (JSON.parse(stdout) as EnvelopeVerification).reason ?? 'valid'
  }
  assert.equal(await reason('--at', new Date((NOW_S + 89) * 1000).toISOString()), 'valid')
  assert.equal(await reason('--at', new Date((NOW_S + 90) * 1000).toISOString()), 'expired')
  assert.equal(await reason('--receiver', SELF), 'valid')
  assert.equal(await reason('--receiver', ACTOR), 'audience')
  assert.equal(await reason('--origin', 'https://b.example:443'), 'valid')
  assert.equal(await reason('--origin', 'http://b.example'), 'signature')
  assert.equal(await reason('--origin', 'https://c.example'), 'audience')
})

test('several keys are tried, and a key may come from a file', async (t) => {
  const { file, rig, write } = capture(t)
  const keyFile = write('key.pub', `pipelock-ed25519-public-v1\n${Buffer.from(rig.signer.publicKeyHex, 'hex').toString('base64')}\n`)
  assert.equal((await verify(file, '--key', newSigner().publicKeyHex, '--key', keyFile)).code, 0)
  const wrong = await verify(file, '--key', newSigner().publicKeyHex)
  assert.deepEqual([wrong.code, wrong.stdout.includes(': signature: ')], [1, true])
})

test('a request on standard input, with LF alone, verifies as well', (t) => {
  const { rig, text } = capture(t, (crlf) => crlf.replaceAll('\r\n', '\n'))
  const { status, stdout } = spawnSync(process.execPath, [LAUNCHER, 'envelope', 'verify', '-', '--key', rig.signer.publicKeyHex], { input: text, encoding: 'utf8' })
  assert.deepEqual([status, stdout.startsWith('VALID: -')], [0, true])
})

test('what cannot be run ends with 2 and says why, wrong usage with 64', async (t) => {
  const { file, folder, rig, write } = capture(t)
  const key = ['--key', rig.signer.publicKeyHex]
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [[join(folder, 'none'), ...key], /none: expected a readable file/],
    [[write('text', 'hello\n\n'), ...key], /expected a request line/],
    [[write('cut', 'GET / HTTP/1.1\r\nHost: a'), ...key], /expected a head that ends with an empty line/],
    [[write('short', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx'), ...key], /as many bytes of body/],
    [[write('chunks', 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'), ...key], /without chunks/],
    [[write('field', 'GET / HTTP/1.1\r\nHost a\r\n\r\n'), ...key], /header field/],
    [[file], /key: expected at least one key, or a trust list/],
    [[file, '--key', folder], /expected a readable file/],
    [[file, '--key', 'abc'], /key\[0\]: expected 64 hex digits/],
    [[file, '--trust', join(folder, 'none')], /expected a readable trust list/],
    [[file, '--trust', write('bad.yaml', 'trust_list: [{key_id: k}]')], /trust_list\[0\]\.trust_domains: expected at least one/],
    [[file, ...key, '--at', 'noon'], /--at: expected a time/],
    [[file, ...key, '--origin', 'b.example'], /expected an origin/],
  ]
  await Promise.all(cases.map(async ([args, message]) => {
    const { code, stdout, stderr } = await runCli(['envelope', 'verify', ...args])
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, message)
  }))
  assert.equal((await runCli(['envelope', 'verify'])).code, 64)
  assert.equal((await runCli(['envelope', 'verify', file, '--nonsense'])).code, 64)
})

test('inspect shows claims, coverage and the base, and that they prove nothing', async (t) => {
  const { file } = capture(t)
  const { code, stdout } = await runCli(['envelope', 'inspect', file])
  assert.equal(code, 0)
  for (const line of [
    `POST /a2a/run?x=1 to b.example, ${BODY.length} bytes of body`, 'digest of the body: matches', 'claims of the mediation header (not verified):', `  actor: "${ACTOR}"`,
    'signature pipelock1', '  covers: "@method" "@target-uri" "content-digest" "pipelock-mediation" "content-type" "x-tag"', '    "@target-uri": https://b.example/a2a/run?x=1',
  ]) assert.ok(stdout.split('\n').includes(line), line)
})

test('inspect tells what is malformed with 1, and shows the rest', async (t) => {
  const { file } = capture(t, (text) => text.replace('v=1, act="write"', 'v=1').replace('summarise', 'summarize').replace('Signature: pipelock1', 'Signature: other=:AA==:, pipelock1'))
  const { code, stdout } = await runCli(['envelope', 'inspect', file, '--json'])
  const report = JSON.parse(stdout) as EnvelopeInspection
  assert.equal(code, 1)
  assert.deepEqual([report.digest, report.mediation, report.faults], ['differs', undefined, ['pipelock-mediation: act: expected a word']])
  assert.deepEqual(report.signatures.map(({ label, isMediation, fault }) => [label, isMediation, fault !== undefined]), [['pipelock1', true, false], ['other', false, true]])
})

test('nothing that a captured request holds reaches the terminal as a control', async (t) => {
  const { file } = capture(t, (text) => text.replace('Host: b.example', 'Host: b\u001b[31m.example\u009b').replace('/a2a/run', '/a2a/\u001b[2Jrun'))
  for (const command of [['inspect', file], ['verify', file, '--key', newSigner().publicKeyHex]]) {
    const { stdout, stderr } = await runCli(['envelope', ...command])
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  }
})
