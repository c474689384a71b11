/** A companion as those who run it see it: health, metrics, status, drain, the lock of its state folder, and its log. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { runCli } from '../support/cli.ts'
import { readReceipts, startTestCompanion, sumOf } from '../support/companion.ts'
import { processFolder, startCompanionProcess } from '../support/companion-process.ts'
import { startOrigin } from '../support/origin.ts'
import { sendRaw, throughProxy } from '../support/proxy-client.ts'
import { newestOf, readEvidence } from '../support/read-evidence.ts'
import { waitFor } from '../support/wait-for.ts'

/** Put together here: a credential-looking text in a source file would alarm the scanners of whoever keeps it. */
const SECRET = ['AKIA', 'Z3MHQ5PLR7NTKV2W'].join('')

test('a companion whose receipts cannot be written is alive, not ready, forwards nothing, and recovers by itself', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'flight_recorder: {max_entries_per_file: 6}\n' })
  assert.deepEqual([(await companion.admin('/healthz')).status, (await companion.admin('/readyz')).status], [200, 200])
  assert.equal((await throughProxy(companion.port, origin.url)).status, 200)

  const away = `${companion.receiptsDir}.away`
  renameSync(companion.receiptsDir, away)
  // A file in the folder's place: no new file of receipts can be made there, by root neither.
  writeFileSync(companion.receiptsDir, '')
  await waitFor(async () => (await throughProxy(companion.port, origin.url)).status === 503)
  const reached = origin.seen.length
  const refused = await throughProxy(companion.port, origin.url)
  assert.deepEqual([refused.status, refused.headers['x-pipelock-block-reason']], [503, 'receipt_unwritable'])
  assert.equal(origin.seen.length, reached)
  const ready = await companion.admin('/readyz')
  assert.equal(ready.status, 503)
  const { checks } = JSON.parse(ready.text) as { checks: { name: string; ok: boolean }[] }
  assert.deepEqual(checks.filter(({ ok }) => !ok).map(({ name }) => name), ['recorder'])
  assert.equal((await companion.admin('/healthz')).status, 200)
  assert.ok(sumOf(await companion.metrics(), 'chaperone_receipt_failures_total') > 0)
  assert.ok(companion.events().some(({ event, reason }) => event === 'receipt_failed' && reason === 'receipt_unwritable'))

  renameSync(companion.receiptsDir, `${away}.file`)
  renameSync(away, companion.receiptsDir)
  await waitFor(async () => (await companion.admin('/readyz')).status === 200, 20_000)
  assert.equal((await throughProxy(companion.port, origin.url)).status, 200)
  assert.equal(origin.seen.length, reached + 1)
})

test('a rejected reload makes the companion unready until a good one', async (t) => {
  const companion = await startTestCompanion(t)
  companion.reload('mode: nonsense\n')
  const { checks } = JSON.parse((await companion.admin('/readyz')).text) as { checks: { name: string; ok: boolean }[] }
  assert.deepEqual(checks.filter(({ ok }) => !ok).map(({ name }) => name), ['config'])
  assert.equal(companion.reload('mode: audit\n').result, 'applied')
  assert.equal((await companion.admin('/readyz')).status, 200)
})

test('metrics and stats need the token, and count what happened', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('0123456789'))
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'agents: {ci: {source_cidrs: [127.0.0.1/32]}}\n' })
  for (const path of ['/metrics', '/stats', '/api/v1/status', '/api/v1/agents', '/api/v1/killswitch']) {
    assert.equal((await companion.admin(path, { token: 'wrong-token-wrong-token' })).status, 401, path)
    assert.equal((await companion.admin(path)).status, 200, path)
  }
  for (let n = 0; n < 3; n++) await throughProxy(companion.port, origin.url, { method: 'POST', body: 'abcd' })
  await throughProxy(companion.port, 'http://169.254.169.254/')
  const metrics = await companion.metrics()
  const labels = 'agent="ci",transport="forward"'
  assert.deepEqual(
    [
      sumOf(metrics, 'chaperone_requests_total', `${labels},verdict="allow"`),
      sumOf(metrics, 'chaperone_requests_total', `${labels},verdict="block"`),
      sumOf(metrics, 'chaperone_blocked_total', 'agent="ci",reason="ssrf_address"'),
      sumOf(metrics, 'chaperone_request_bytes_total', `${labels},direction="up"`),
      sumOf(metrics, 'chaperone_request_bytes_total', `${labels},direction="down"`),
      sumOf(metrics, 'chaperone_identity_resolutions_total', 'source="cidr",grade="bound"'),
    ],
    [3, 1, 1, 12, 30, 4],
  )
  const stats = JSON.parse((await companion.admin('/stats')).text) as { exchanges: { agents: Record<string, object> }; openExchanges: number; profiles: string[] }
  assert.ok('ci' in stats.exchanges.agents)
  assert.deepEqual([stats.openExchanges, [...stats.profiles].sort()], [0, ['_default', 'ci']])
})

test('on SIGTERM what runs ends well, nothing new is taken, the chain is closed and the exit code is 0', async (t) => {
  let release = (): void => undefined
  const origin = await startOrigin(t, ({ url }, response) => {
    if (url !== '/slow') {
      response.end('hello\n')
      return
    }
    response.write('begun ')
    release = () => {
      response.end('ended')
    }
  })
  const folder = processFolder(t)
  const { child, port } = await startCompanionProcess(t, folder)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => {
    agent.destroy()
  })
  assert.equal((await throughProxy(port, origin.url, { agent })).status, 200)
  const running = throughProxy(port, `${origin.url}/slow`)
  await waitFor(() => origin.seen.some(({ url }) => url === '/slow'))

  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await waitFor(async () => {
    const { text, closedBy } = await sendRaw(port, `GET ${origin.url}/probe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    return text === '' && closedBy === 'reset'
  })
  await assert.rejects(throughProxy(port, `${origin.url}/late`, { agent }), 'the idle connection was closed')
  const status = await runCli(['status', '--state-dir', folder.stateDir, '--json'])
  assert.equal(status.code, 1)
  const { draining, ready, openExchanges } = JSON.parse(status.stdout) as Record<string, unknown>
  assert.deepEqual([draining, ready, openExchanges], [true, false, 1])

  release()
  const { status: answered, text, isComplete } = await running
  assert.deepEqual([answered, text, isComplete], [200, 'begun ended', true])
  assert.deepEqual(await exited, [0, null])
  assert.ok(!origin.seen.some(({ url }) => url === '/late'))

  const session = newestOf(await readEvidence(folder.receiptsDir))
  assert.equal(session.receipts.at(-1)?.record.session_control?.kind, 'session_close')
  const exchanges = readReceipts(folder.receiptsDir).filter(({ transport, target }) => transport === 'forward' && !target.endsWith('/probe'))
  assert.deepEqual(exchanges.map(({ decision_phase }) => decision_phase), ['intent', 'outcome', 'intent', 'outcome'])
  const events = readFileSync(`${folder.dir}/audit.log`, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual([events.at(-1)?.['event'], events.at(-1)?.['reason']], ['stopped', 'SIGTERM'])
})

test('while the companion drains, a connection that is still open takes no further request', async (t) => {
  const waiting = new Map<string, http.ServerResponse>()
  const origin = await startOrigin(t, ({ url = '' }, response) => {
    if (url === '/late') response.end('hello\n')
    else waiting.set(url, response)
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => {
    agent.destroy()
  })
  const held = throughProxy(companion.port, `${origin.url}/held`)
  const first = throughProxy(companion.port, `${origin.url}/first`, { agent })
  await waitFor(() => waiting.size === 2)
  const stopped = companion.stop()
  waiting.get('/first')?.end('one')
  assert.equal((await first).text, 'one')
  // The client sends on over its connection, while the other exchange keeps the companion from being done.
  const late = await throughProxy(companion.port, `${origin.url}/late`, { agent }).then(({ status, headers }) => headers['x-pipelock-block-reason'] ?? status, () => 'closed')
  waiting.get('/held')?.end('two')
  assert.equal((await held).text, 'two')
  await stopped
  assert.equal(late, 'draining')
})

test('a second SIGTERM does not wait for what is open: it is cut, its outcome is receipted, the exit code is 0', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 1000 })
    response.write('begun')
  })
  const folder = processFolder(t)
  const { child, port } = await startCompanionProcess(t, folder, { config: 'limits: {max_held_response_bytes: 0}\n' })
  const running = throughProxy(port, origin.url)
  await waitFor(() => origin.seen.length === 1)
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await delay(300)
  assert.equal(child.exitCode, null)
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
  assert.equal((await running).isComplete, false)
  const outcome = readReceipts(folder.receiptsDir).find(({ decision_phase }) => decision_phase === 'outcome')
  assert.match(`${outcome?.verdict ?? ''} ${outcome?.pattern ?? ''}`, /^block .*reason=draining$/)
})

test('a drain that takes too long ends by itself', async (t) => {
  const origin = await startOrigin(t, () => undefined)
  const { child, port } = await startCompanionProcess(t, processFolder(t), { config: 'timeouts: {drain: 500ms}\n' })
  const running = throughProxy(port, origin.url)
  await waitFor(() => origin.seen.length === 1)
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
  const { status, headers } = await running
  assert.deepEqual([status, headers['x-pipelock-block-reason']], [503, 'draining'])
})

test('a second process on a state folder is refused with the pid of the first, which goes on; after it the folder is free', async (t) => {
  const origin = await startOrigin(t)
  const folder = processFolder(t)
  const first = await startCompanionProcess(t, folder)
  const second = await runCli(['start', '--config', `${folder.dir}/chaperone.yaml`, '--state-dir', folder.stateDir])
  assert.equal(second.code, 2)
  assert.match(second.stderr, new RegExp(`in use by the companion with pid ${first.child.pid}: stop it, or give another --state-dir`))
  assert.equal((await throughProxy(first.port, origin.url)).status, 200)
  await first.kill('SIGTERM')
  const third = await startCompanionProcess(t, folder)
  assert.equal((await throughProxy(third.port, origin.url)).status, 200)
  await third.kill('SIGKILL')
  const fourth = await startCompanionProcess(t, folder)
  assert.equal((await throughProxy(fourth.port, origin.url)).status, 200)
})

test('status and killswitch speak to the companion of the folder, and say where none answers', async (t) => {
  const origin = await startOrigin(t)
  const folder = processFolder(t)
  const at = ['--state-dir', folder.stateDir]
  const none = [await runCli(['status', ...at]), await runCli(['killswitch', 'on', ...at])]
  for (const { code, stderr } of none) assert.deepEqual([code, stderr], [2, `no companion answers at ${folder.stateDir}/companion.sock\n`])

  const { child, port } = await startCompanionProcess(t, folder, { config: 'agents: {ci: {source_cidrs: [127.0.0.1/32]}}\n' })
  const status = await runCli(['status', ...at])
  assert.equal(status.code, 0)
  assert.match(status.stdout, new RegExp(`^ready: true$[^]*^pid: ${child.pid}$`, 'm'))

  const reason = async (): Promise<unknown> => (await throughProxy(port, origin.url)).headers['x-pipelock-block-reason']
  assert.deepEqual(await runCli(['killswitch', 'on', ...at]), { code: 0, stdout: '{"global":["admin"],"agents":{}}\n', stderr: '' })
  assert.equal(await reason(), 'kill_switch')
  assert.deepEqual(await runCli(['killswitch', 'off', ...at]), { code: 0, stdout: '{"global":[],"agents":{}}\n', stderr: '' })
  assert.equal(await reason(), undefined)
  assert.equal((await runCli(['killswitch', 'on', '--agent', 'ci', ...at])).stdout, '{"global":[],"agents":{"ci":["admin"]}}\n')
  assert.equal(await reason(), 'kill_switch')
  assert.equal((await runCli(['killswitch', 'show', ...at])).stdout, '{"global":[],"agents":{"ci":["admin"]}}\n')
  const unknown = await runCli(['killswitch', 'on', '--agent', 'nobody', ...at])
  assert.equal(unknown.code, 1)
  assert.equal((await runCli(['killswitch', 'maybe', ...at])).code, 64)
})

test('every line of the log is JSON, and none holds a credential, a body or the value of a header', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.setHeader('x-answer', 'answer-header-value')
    response.end('answer-body-text')
  })
  const config = (mode: string): string => `mode: ${mode}\nidentity: {unmatched: deny}\nagents: {ci: {source_cidrs: [127.0.0.1/32]}}\n`
  const companion = await startTestCompanion(t, { allowLoopback: true, config: config('balanced') })
  const forged = ['X-Pipelock-Agent', '_default', 'X-Sent', 'request-header-value', 'Authorization', 'Bearer bearer-value-1234', 'Cookie', 'id=cookie-value', 'Host', 'x']
  for (const mode of ['balanced', 'audit']) {
    companion.reload(config(mode))
    for (const path of ['/plain', `/key/${SECRET}`, `/?q=${SECRET}`, `/%41KIA${SECRET.slice(4)}`, '/line%0d%0aevent%3a', '/\u00e9\u00ff'.replace(/[^\u0021-\u007e]/g, encodeURIComponent)]) {
      await throughProxy(companion.port, origin.url + path, { method: 'POST', body: 'request-body-text', headers: forged })
      await throughProxy(companion.port, origin.url + path, { method: 'POST', body: `request-body-text ${SECRET}`, headers: ['X-Key', SECRET, ...forged] })
    }
    await sendRaw(companion.port, `GET /fetch?agent=${SECRET}&url=${encodeURIComponent(`${origin.url}/?k=${SECRET}`)} HTTP/1.1\r\nHost: x\r\nX-Pipelock-Agent: ${SECRET} "\u0001\r\nConnection: close\r\n\r\n`)
    await sendRaw(companion.port, `GET /fetch?agent=${encodeURIComponent(`"\n{"event":"forged"}`)}&url=${encodeURIComponent(origin.url)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  }
  if (process.platform === 'linux') await throughProxy(companion.port, origin.url, { from: '127.0.1.9' })
  await companion.stop()

  const lines = readFileSync(`${companion.stateDir}/audit.log`, 'utf8').split('\n')
  assert.equal(lines.pop(), '')
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  for (const event of events) assert.ok(typeof event['event'] === 'string' && typeof event['time'] === 'string' && typeof event['level'] === 'string')
  assert.ok(events.filter(({ event }) => event === 'exchange').length >= 24)
  for (const needed of ['identity_mismatch', 'config_reload', 'started', 'stopped', 'listener_opened']) assert.ok(events.some(({ event }) => event === needed), needed)
  for (const verdict of ['allow', 'warn', 'block']) assert.ok(events.some((event) => event['verdict'] === verdict), verdict)
  assert.ok(!events.some(({ event }) => event === 'forged'))
  const text = lines.join('\n')
  for (const hidden of [SECRET, SECRET.slice(4), 'header-value', 'bearer-value', 'cookie-value', 'body-text']) assert.ok(!text.includes(hidden), `the log holds ${hidden}`)
})

test('a credential that a caller gives as its name stands in no receipt and no line of the log', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  await throughProxy(companion.port, origin.url, { headers: { 'X-Pipelock-Agent': SECRET } })
  assert.doesNotMatch(JSON.stringify([await companion.exchangeReceipts(), companion.events()]), new RegExp(SECRET))
})

test('readyz tells of the drain while what is open finishes, and healthz stays well', async (t) => {
  let release = (): void => undefined
  const origin = await startOrigin(t, (_request, response) => {
    release = () => response.end('done')
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const answer = throughProxy(companion.port, origin.url)
  await waitFor(() => origin.seen.length === 1)
  assert.equal((await companion.admin('/readyz')).status, 200)
  const stopped = companion.stop()
  const { status, text } = await companion.admin('/readyz')
  const { checks } = JSON.parse(text) as { checks: { name: string; ok: boolean }[] }
  assert.deepEqual([status, checks.filter(({ ok }) => !ok).map(({ name }) => name), (await companion.admin('/healthz')).status], [503, ['draining'], 200])
  release()
  await stopped
  assert.equal((await answer).text, 'done')
})
