/** What the keys of the kill switch, the admin listener and the log change. */

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { freePort } from '../support/free-port.ts'
import { startOrigin, startRawOrigin } from '../support/origin.ts'
import { A_CREDENTIAL, askProxy } from '../support/outcome-of.ts'
import { spawnCompanion } from '../support/spawn-companion.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

test('config kill_switch.enabled: true answers 503 and cuts an open tunnel, false lets pass again', async (t) => {
  const origin = await startOrigin(t)
  const sink = await startRawOrigin(t, (socket) => socket.resume())
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'kill_switch: {enabled: false}\n' })
  assert.equal(await askProxy(companion.port, origin.url), '200')
  const tunnel = connect(companion.port, '127.0.0.1')
  let [answer, isClosed] = ['', false]
  tunnel.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  tunnel.on('error', () => undefined)
  tunnel.on('close', () => (isClosed = true))
  tunnel.write(`CONNECT 127.0.0.1:${sink.port} HTTP/1.1\r\nHost: 127.0.0.1:${sink.port}\r\n\r\n`)
  await waitFor(() => answer.startsWith('HTTP/1.1 200 '))
  assert.equal(isClosed, false)

  companion.reload('kill_switch: {enabled: true}\n')
  await waitFor(() => isClosed, 1000)
  assert.equal(await askProxy(companion.port, origin.url), 'kill_switch')
  companion.reload('kill_switch: {enabled: false}\n')
  assert.equal(await askProxy(companion.port, origin.url), '200')
})

test('config kill_switch.sentinel_file: nothing passes while the file exists', async (t) => {
  const origin = await startOrigin(t)
  const sentinel = join(temporaryFolder(t), 'stop')
  const watched = await startTestCompanion(t, { allowLoopback: true, config: `kill_switch: {sentinel_file: ${JSON.stringify(sentinel)}}\n` })
  const other = await startTestCompanion(t, { allowLoopback: true })
  assert.equal(await askProxy(watched.port, origin.url), '200')
  writeFileSync(sentinel, '')
  await waitFor(async () => (await askProxy(watched.port, origin.url)) === 'kill_switch', 1000)
  assert.equal(await askProxy(other.port, origin.url), '200')
  rmSync(sentinel)
  await waitFor(async () => (await askProxy(watched.port, origin.url)) === '200', 1000)
})

test('config kill_switch.agents: the profile gets 503, others pass', async (t) => {
  const origin = await startOrigin(t)
  const own = await freePort()
  const agents = `agents: {a: {listeners: ["127.0.0.1:${own}"]}}\n`
  const companion = await startTestCompanion(t, { allowLoopback: true, config: agents })
  const ask = async (): Promise<string[]> => [await askProxy(own, origin.url), await askProxy(companion.port, origin.url)]
  assert.deepEqual(await ask(), ['200', '200'])
  companion.reload(`kill_switch: {agents: [a]}\n${agents}`)
  assert.deepEqual(await ask(), ['kill_switch', '200'])
  companion.reload(`kill_switch: {agents: [_default]}\n${agents}`)
  assert.deepEqual(await ask(), ['200', 'kill_switch'])
})

test('config admin.listen: the admin API answers there and not elsewhere', async (t) => {
  const [port, other] = [await freePort(), await freePort()]
  await startTestCompanion(t, { config: `admin: {listen: "127.0.0.1:${port}"}\n` })
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200)
  await assert.rejects(fetch(`http://127.0.0.1:${other}/healthz`))
})

test('config admin.token: the token is accepted, that of the state folder and any other are refused', async (t) => {
  const token = 'a-token-of-the-operator'
  const own = await startTestCompanion(t, { config: `admin: {listen: "127.0.0.1:0", token: ${token}}\n` })
  const usual = await startTestCompanion(t)
  const statuses = async (companion: TestCompanion): Promise<number[]> => [
    (await companion.admin('/api/v1/status', { token })).status,
    (await companion.admin('/api/v1/status')).status,
    (await companion.admin('/api/v1/status', { token: `${token}x` })).status,
  ]
  assert.deepEqual(await statuses(own), [200, 401, 401])
  assert.deepEqual(await statuses(usual), [401, 200, 401])
})

test('config logging.output: lines appear on stdout, on stderr or in the file, and nowhere else', async (t) => {
  const file = join(temporaryFolder(t), 'audit.log')
  const [toStdout, toStderr, toFile] = await Promise.all(
    ['output: stdout', 'output: stderr', `output: file, file: ${JSON.stringify(file)}`].map((keys) => spawnCompanion(t, `logging: {${keys}}\n`)),
  )
  const [started, places] = [/"event":"started"/, (): string[] => [toStdout, toStderr, toFile].flatMap((spawned) => [spawned?.stdout() ?? '', spawned?.stderr() ?? ''])]
  await waitFor(() => places().filter((text) => started.test(text)).length === 2 && started.test(readFileSync(file, 'utf8')))
  assert.deepEqual(places().map((text) => started.test(text)), [true, false, false, true, false, false])
})

test('config logging.file: lines appear in the file that is named', async (t) => {
  const dir = temporaryFolder(t)
  for (const name of ['one.log', 'two.log']) {
    const companion = await startTestCompanion(t, { config: `logging: {output: file, file: ${JSON.stringify(join(dir, name))}}\n` })
    await companion.stop()
  }
  const ends = ['one.log', 'two.log'].map((name) => readFileSync(join(dir, name), 'utf8').match(/"event":"(?:started|stopped)"/g))
  assert.deepEqual(ends, [['"event":"started"', '"event":"stopped"'], ['"event":"started"', '"event":"stopped"']])
})

/** Sends an exchange of each verdict. @returns the verdicts that the log tells of, with the key on, and off after a reload */
async function loggedVerdicts(t: TestContext, key: string): Promise<[on: unknown[], off: unknown[]]> {
  const file = join(temporaryFolder(t), 'audit.log')
  const origin = await startOrigin(t, (request, response) => {
    response.end(request.url === '/warned' ? A_CREDENTIAL : 'hello')
  })
  const text = (isOn: boolean): string => `logging: {output: file, file: ${JSON.stringify(file)}, ${key}: ${isOn}}\ndlp: {response_action: warn}\n`
  const companion = await startTestCompanion(t, { allowLoopback: true, config: text(true) })
  const logged = async (): Promise<unknown[]> => {
    writeFileSync(file, '')
    for (const url of [origin.url, `${origin.url}/warned`, 'http://10.0.0.1/']) await askProxy(companion.port, url)
    // Its own line is in the log once those of the exchanges are.
    await companion.admin('/api/v1/reload', { method: 'POST' })
    await waitFor(() => readFileSync(file, 'utf8').includes('admin_action'))
    const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
    return lines.filter(({ event }) => event === 'exchange').map(({ verdict }) => verdict)
  }
  const on = await logged()
  companion.reload(text(false))
  return [on, await logged()]
}

test('config logging.include_allowed: false leaves allowed exchanges out, and what warned or was refused in', async (t) => {
  assert.deepEqual(await loggedVerdicts(t, 'include_allowed'), [['allow', 'warn', 'block'], ['warn', 'block']])
})

test('config logging.include_blocked: false leaves refused exchanges out, and what was allowed or warned in', async (t) => {
  assert.deepEqual(await loggedVerdicts(t, 'include_blocked'), [['allow', 'warn', 'block'], ['allow', 'warn']])
})
