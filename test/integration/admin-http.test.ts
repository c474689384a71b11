/** The admin listener over real connections: who is let in, what is answered, what is audited. */

import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { connect, createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'

import { createAdmin, createMetrics, type Admin, type AdminSources, type ReadinessCheck } from '../../src/admin/index.ts'
import { createManualClock, type ManualClock } from '../../src/base/clock.ts'
import { createKillSwitch, type KillSwitch } from '../../src/gates/index.ts'
import type { AuditEvent, ReloadResult } from '../../src/model/audit-event.ts'

const TOKEN = 'a'.repeat(43)
const BEARER = { Authorization: `Bearer ${TOKEN}` }
const GUARDED = ['/metrics', '/stats', '/api/v1/status', '/api/v1/agents', '/api/v1/killswitch']

let folder = ''
const open: Admin[] = []
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'admin-'))
})
after(async () => {
  await rm(folder, { recursive: true })
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((admin) => admin.close()))
})

interface Rig {
  readonly port: number
  readonly socketPath: string
  readonly killSwitch: KillSwitch
  readonly audited: AuditEvent[]
  readonly failures: unknown[]
  readonly clock: ManualClock
  readonly checks: ReadinessCheck[]
}

async function start(overrides: Partial<AdminSources> = {}, options: { token?: string; allowedHosts?: string[]; host?: string } = {}): Promise<Rig> {
  const killSwitch = createKillSwitch()
  const metrics = createMetrics({ version: '1', agents: ['agent-a'], process: 'none' })
  const audited: AuditEvent[] = []
  const failures: unknown[] = []
  const clock = createManualClock()
  const checks: ReadinessCheck[] = [{ name: 'recorder', ok: true }]
  const sources: AdminSources = {
    readiness: () => checks,
    stats: () => ({ uptime_seconds: 1 }),
    status: () => ({ version: '1' }),
    agents: () => [{ name: 'agent-a' }],
    metricsText: () => metrics.text(),
    check: () => ({ decision: 'allow', findings: [] }),
    killSwitch: {
      snapshot: () => killSwitch.snapshot(),
      set: (active, agent) => {
        if (agent !== undefined && agent !== 'agent-a') return 'unknown_agent'
        killSwitch.set('admin', active, agent)
        return 'done'
      },
    },
    budgets: {
      show: (agent) => Promise.resolve(agent === undefined || agent === 'agent-a' ? { agents: [] } : undefined),
      grant: () => Promise.resolve('done'),
      reset: () => Promise.resolve('done'),
      freeze: () => Promise.resolve('done'),
      adopt: () => Promise.resolve('done'),
    },
    reload: () => Promise.resolve({ result: 'applied', hash: 'abc', messages: [] }),
    audit: (event) => audited.push(event),
    failed: (thrown) => failures.push(thrown),
    ...overrides,
  }
  const socketPath = join(folder, `companion-${open.length}.sock`)
  const admin = createAdmin({ listen: { host: options.host ?? '127.0.0.1', port: 0 }, socketPath, token: TOKEN, sources, clock, ...options })
  open.push(admin)
  const addresses = await admin.open()
  return { port: addresses.tcp?.port ?? 0, socketPath, killSwitch, audited, failures, clock, checks }
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

interface Asked {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
  readonly socketPath?: string
  readonly host?: string
}

function ask(rig: Rig, path: string, { method = 'GET', headers = {}, body, socketPath, host = '127.0.0.1' }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const place = socketPath === undefined ? { host, port: rig.port } : { socketPath }
    const request = httpRequest({ ...place, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

const asJson = (value: unknown): Asked => ({ method: 'POST', headers: { ...BEARER, 'Content-Type': 'application/json' }, body: JSON.stringify(value) })

test('liveness and readiness are open', async () => {
  const rig = await start()
  assert.deepEqual([(await ask(rig, '/healthz')).status, (await ask(rig, '/health')).status], [200, 200])
  const ready = await ask(rig, '/readyz')
  assert.deepEqual([ready.status, JSON.parse(ready.text)], [200, { ready: true, checks: [{ name: 'recorder', ok: true }] }])
})

test('a failing check makes the companion unready, by name; the kill switch does not', async () => {
  const rig = await start()
  rig.killSwitch.set('admin', true)
  assert.equal((await ask(rig, '/readyz')).status, 200)

  rig.checks.push({ name: 'draining', ok: false, detail: 'shutting down' }, { name: 'config', ok: false })
  const unready = await ask(rig, '/readyz')
  assert.equal(unready.status, 503)
  assert.deepEqual(JSON.parse(unready.text), { ready: false, checks: [{ name: 'recorder', ok: true }, { name: 'draining', ok: false, detail: 'shutting down' }, { name: 'config', ok: false }] })
})

for (const path of GUARDED) {
  test(`${path} takes the token, and nothing but the token`, async () => {
    const rig = await start()
    assert.equal((await ask(rig, path, { headers: BEARER })).status, 200)
    for (const authorization of [undefined, '', 'Bearer', `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`, TOKEN, `Bearer ${TOKEN} ${TOKEN}`]) {
      const refused = await ask(rig, path, authorization === undefined ? {} : { headers: { Authorization: authorization } })
      assert.deepEqual([refused.status, refused.headers['www-authenticate']], [401, 'Bearer'], authorization)
    }
  })
}

test('two Authorization fields are none', async () => {
  const rig = await start()
  const answer = await raw(rig, `GET /stats HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n`)
  assert.match(answer, /^HTTP\/1\.1 401 /)
})

for (const token of [undefined, '']) {
  test(`with the token ${JSON.stringify(token)} nobody is let in over TCP, not even with an empty one`, async () => {
    const rig = await start({}, token === undefined ? { token: '' } : { token })
    for (const authorization of ['Bearer ', 'Bearer undefined', 'Bearer x']) assert.equal((await ask(rig, '/stats', { headers: { Authorization: authorization } })).status, 401)
    assert.equal((await ask(rig, '/stats', { socketPath: rig.socketPath })).status, 200)
  })
}

test('a path that is not there looks like any other without the token', async () => {
  const rig = await start()
  assert.equal((await ask(rig, '/no-such-path')).status, 401)
  assert.equal((await ask(rig, '/no-such-path', { headers: BEARER })).status, 404)
  assert.equal((await ask(rig, '/constructor', { headers: BEARER })).status, 404)
})

for (const host of ['evil.example', 'localhost.evil.example', '192.0.2.1', 'localhost@evil.example', '[::2]', ':80', 'evil.example:8889']) {
  test(`the Host ${JSON.stringify(host)} is turned away, with the token and on open paths too`, async () => {
    const rig = await start()
    assert.equal((await ask(rig, '/stats', { headers: { ...BEARER, Host: host } })).status, 421)
    assert.equal((await ask(rig, '/healthz', { headers: { Host: host } })).status, 421)
  })
}

for (const host of ['localhost', 'LocalHost:1', '127.0.0.1:8889', '127.1.2.3', '[::1]:8889', 'admin.internal:80']) {
  test(`the Host ${host} is served`, async () => {
    const rig = await start({}, { allowedHosts: ['Admin.Internal'] })
    assert.equal((await ask(rig, '/stats', { headers: { ...BEARER, Host: host } })).status, 200)
  })
}

test('the address the connection ended at is served as Host: a probe knows no name', async (t) => {
  const own = Object.values(networkInterfaces()).flat().find((each) => each?.family === 'IPv4' && !each.internal)?.address
  if (own === undefined) {
    t.skip('this machine has no address besides loopback')
    return
  }
  const rig = await start({}, { host: '0.0.0.0' })
  assert.equal((await ask(rig, '/healthz', { host: own })).status, 200)
  assert.equal((await ask(rig, '/healthz', { host: '127.0.0.1', headers: { Host: own } })).status, 421)
})

test('two Host fields, an empty one, and none, are turned away', async () => {
  const rig = await start()
  assert.match(await raw(rig, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 4(00|21) /)
  assert.match(await raw(rig, 'GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 4(00|21) /)
  assert.match(await raw(rig, 'GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 421 /)
})

test('a listener on every address does not take an empty Host for its name', async () => {
  const rig = await start({}, { host: '' })
  assert.match(await raw(rig, 'GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 421 /)
  assert.equal((await ask(rig, '/healthz')).status, 200)
})

test('a page of another origin is refused, and no answer grants it anything', async () => {
  const rig = await start()
  const own = { ...BEARER, Origin: `http://127.0.0.1:${rig.port}` }
  assert.equal((await ask(rig, '/stats', { headers: own })).status, 200)
  for (const headers of [{ Origin: 'http://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }, { 'Sec-Fetch-Site': 'same-site' }]) {
    const refused = await ask(rig, '/stats', { headers: { ...BEARER, ...headers } })
    assert.equal(refused.status, 403)
    assert.deepEqual(Object.keys(refused.headers).filter((name) => name.startsWith('access-control')), [])
    assert.equal((await ask(rig, '/stats', { headers, socketPath: rig.socketPath })).status, 403)
  }
})

for (const method of ['OPTIONS', 'PUT', 'DELETE', 'HEAD', 'PATCH', 'TRACE']) {
  test(`${method} is no method here`, async () => {
    const rig = await start()
    const refused = await ask(rig, '/api/v1/killswitch', { method, headers: BEARER })
    assert.deepEqual([refused.status, refused.headers.allow], [405, 'GET, POST'])
  })
}

test('answers are never stored, sniffed or framed', async () => {
  const rig = await start()
  const { headers } = await ask(rig, '/healthz')
  assert.deepEqual([headers['cache-control'], headers['x-content-type-options'], headers['content-security-policy']], ['no-store', 'nosniff', "default-src 'none'; frame-ancestors 'none'"])
  assert.equal(headers['content-type'], 'application/json')
})

test('metrics are Prometheus text', async () => {
  const rig = await start()
  const { text, headers } = await ask(rig, '/metrics', { headers: BEARER })
  assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  assert.ok(text.includes('# TYPE chaperone_requests_total counter'))
})

test('the kill switch is moved for everyone and for one agent, and each order is audited', async () => {
  const rig = await start()
  const on = await ask(rig, '/api/v1/killswitch', asJson({ active: true }))
  assert.deepEqual([on.status, JSON.parse(on.text)], [200, { global: ['admin'], agents: {} }])
  assert.deepEqual(rig.killSwitch.isOn('anybody'), ['admin'])

  await ask(rig, '/api/v1/killswitch', asJson({ active: true, agent: 'agent-a' }))
  await ask(rig, '/api/v1/killswitch', asJson({ active: false }))
  assert.deepEqual([rig.killSwitch.isOn('agent-a'), rig.killSwitch.isOn('anybody')], [['admin'], undefined])

  const { text } = await ask(rig, '/api/v1/killswitch', { headers: BEARER })
  assert.deepEqual(JSON.parse(text), { global: [], agents: { 'agent-a': ['admin'] } })
  const orders = rig.audited.filter((event) => event.event === 'admin_action')
  assert.deepEqual(orders.map(({ via, remote, scope, active, result }) => [via, remote, scope, active, result]), [
    ['tcp', '127.0.0.1', '*', true, 'done'],
    ['tcp', '127.0.0.1', 'agent-a', true, 'done'],
    ['tcp', '127.0.0.1', '*', false, 'done'],
  ])
})

test('a kill switch order for an agent that is not configured is refused, and its name stays out of the log', async () => {
  const rig = await start()
  assert.equal((await ask(rig, '/api/v1/killswitch', asJson({ active: true, agent: 'zqxj' }))).status, 404)
  assert.deepEqual(rig.killSwitch.snapshot(), { global: [], agents: {} })
  assert.ok(!JSON.stringify(rig.audited).includes('zqxj'))
})

for (const value of [{}, { active: 'true' }, { active: 1 }, { active: true, agents: 'agent-a' }, { active: true, agent: '' }, { active: true, agent: null }, [], null, 'on']) {
  test(`${JSON.stringify(value)} is no kill switch order`, async () => {
    const rig = await start()
    assert.equal((await ask(rig, '/api/v1/killswitch', asJson(value))).status, 400)
    assert.deepEqual(rig.killSwitch.snapshot(), { global: [], agents: {} })
  })
}

test('a body must be JSON, say so, and be small', async () => {
  const rig = await start()
  const order = JSON.stringify({ active: true })
  const post = (body: string, type: string) => ask(rig, '/api/v1/killswitch', { method: 'POST', headers: { ...BEARER, 'Content-Type': type }, body })
  assert.equal((await post(order, 'text/plain')).status, 415)
  assert.equal((await post(order, 'application/x-www-form-urlencoded')).status, 415)
  assert.equal((await post('{"active":', 'application/json')).status, 400)
  assert.equal((await post(`${order}${' '.repeat(70_000)}`, 'application/json')).status, 413)
  assert.equal(rig.killSwitch.isOn('agent-a'), undefined)
  assert.equal((await post(`${order}${' '.repeat(60_000)}`, 'application/json; charset=utf-8')).status, 200)
})

test('a chunked body over the limit is cut off, however much more would come', async () => {
  const rig = await start()
  const head = `POST /api/v1/killswitch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`
  const chunk = `${(16_384).toString(16)}\r\n${' '.repeat(16_384)}\r\n`
  const answer = await raw(rig, head + chunk.repeat(5))
  assert.match(answer, /^HTTP\/1\.1 413 [^]*connection: close/i)
})

test('a reload answers what came of it, one at a time', async () => {
  const waiting: ((result: ReloadResult) => void)[] = []
  const rig = await start({ reload: () => new Promise((resolve) => waiting.push(resolve)) })
  const first = ask(rig, '/api/v1/reload', { method: 'POST', headers: BEARER })
  while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal((await ask(rig, '/api/v1/reload', { method: 'POST', headers: BEARER })).status, 409)

  waiting[0]?.({ result: 'rejected', hash: 'old', messages: ['chaperone.yaml:3: mode: expected a word'] })
  const rejected = await first
  assert.deepEqual([rejected.status, JSON.parse(rejected.text)], [422, { result: 'rejected', hash: 'old', messages: ['chaperone.yaml:3: mode: expected a word'] }])
  assert.equal((await ask(rig, '/api/v1/reload', { headers: BEARER })).status, 405)
  assert.deepEqual(rig.audited.map((event) => event.event === 'admin_action' && [event.action, event.result]), [['reload', 'rejected']])
})

test('a source that fails is answered with 500 that tells nothing, and the next request is served', async () => {
  const rig = await start({
    stats: () => {
      throw new TypeError('secret detail')
    },
  })
  const failed = await ask(rig, '/stats', { headers: BEARER })
  assert.equal(failed.status, 500)
  assert.ok(!failed.text.includes('secret detail'))
  assert.equal(rig.failures.length, 1)
  assert.equal((await ask(rig, '/api/v1/status', { headers: BEARER })).status, 200)
})

test('refusals are audited once a second, with the number left out', async () => {
  const rig = await start()
  for (let i = 0; i < 5; i++) await ask(rig, '/stats')
  rig.clock.advance(1000)
  await ask(rig, '/stats', { headers: { Host: 'evil.example' } })
  assert.deepEqual(rig.audited.map((event) => (event.event === 'suppressed' ? event.count : event.event === 'admin_action' && event.result)), ['401', 4, '421'])
})

test('the socket needs no token and is open to its owner alone', async () => {
  const rig = await start()
  const { status } = await ask(rig, '/stats', { socketPath: rig.socketPath, headers: { Host: 'whatever' } })
  assert.equal(status, 200)
  const file = await stat(rig.socketPath)
  assert.ok(file.isSocket())
  assert.equal(file.mode & 0o777, 0o600)
  await ask(rig, '/api/v1/killswitch', { ...asJson({ active: true }), socketPath: rig.socketPath })
  assert.ok(rig.audited.some((event) => event.event === 'admin_action' && event.via === 'socket' && event.remote === ''))
})

test('closing takes the socket file away and ends idle connections', async () => {
  const rig = await start()
  const idle = connect(rig.port, '127.0.0.1')
  await new Promise((resolve) => idle.once('connect', resolve))
  const ended = new Promise((resolve) => idle.once('close', resolve))
  idle.resume()
  await open.pop()?.close()
  await ended
  assert.ok(!(await readdir(folder)).some((name) => name.startsWith('companion-')))
})

test('a socket that a crash left behind is replaced; one that is answered, or any other file, is not touched', async () => {
  const sources = { readiness: () => [] } as unknown as AdminSources
  const attempt = (socketPath: string) => createAdmin({ socketPath, sources, clock: createManualClock() })

  const dead = join(folder, 'dead.sock')
  await leaveDeadSocket(dead)
  const admin = attempt(dead)
  await admin.open()
  await assert.rejects(attempt(dead).open(), { name: 'AdminSocketError' })
  await admin.close()

  const file = join(folder, 'precious.txt')
  await writeFile(file, 'precious')
  await assert.rejects(attempt(file).open(), { name: 'AdminSocketError' })
  assert.equal((await stat(file)).size, 8)
})

test('where one of the two cannot be opened, neither stays open', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  const { port } = taken.address() as { port: number }
  const socketPath = join(folder, 'half.sock')
  const sources = { readiness: () => [] } as unknown as AdminSources
  await assert.rejects(createAdmin({ listen: { host: '127.0.0.1', port }, socketPath, sources, clock: createManualClock() }).open(), { code: 'EADDRINUSE' })
  assert.ok(!(await readdir(folder)).includes('half.sock'))
  taken.close()

  await chmod(folder, 0o700)
  const tcpOnly = createAdmin({ listen: { host: '127.0.0.1', port: 0 }, socketPath: join(folder, 'no', 'such.sock'), sources, clock: createManualClock() })
  await assert.rejects(tcpOnly.open())
})

test('a request head that never ends is cut off', { timeout: 15_000 }, async () => {
  const rig = await start()
  const startedAt = performance.now()
  const answer = await raw(rig, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ')
  assert.match(answer, /^HTTP\/1\.1 408 /)
  assert.ok(performance.now() - startedAt < 10_000)
})

/** Sends bytes as they are and gives back everything until the connection ends. */
function raw(rig: Rig, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const socket = connect(rig.port, '127.0.0.1', () => socket.write(bytes, 'latin1'))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      resolve(Buffer.concat(chunks).toString('latin1'))
    })
  })
}

/** A socket file whose process is gone: bound, and closed without being removed. */
async function leaveDeadSocket(path: string): Promise<void> {
  const { spawnSync } = await import('node:child_process')
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', script])
  assert.ok((await stat(path)).isSocket())
}
