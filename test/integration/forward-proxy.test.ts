/** The forward proxy surface: correct HTTP both ways, receipts for every exchange, aborts that nobody takes for an end. */

import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import { test } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { startOrigin, startRawOrigin } from '../support/origin.ts'
import { sendRaw, throughProxy } from '../support/proxy-client.ts'
import { waitFor } from '../support/wait-for.ts'

function headerLines(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_value, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
}

test('an allowed exchange reaches the origin once and leaves an intent and an outcome with one action id', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })

  const answer = await throughProxy(companion.port, `${origin.url}/a?b=c`, { method: 'POST', body: 'payload', headers: { 'content-type': 'text/plain' } })

  assert.equal(answer.status, 200)
  assert.equal(answer.text, 'hello\n')
  assert.deepEqual(origin.seen.map(({ method, url, body }) => [method, url, body.toString()]), [['POST', '/a?b=c', 'payload']])
  const [intent, outcome, ...rest] = await companion.exchangeReceipts()
  assert.deepEqual(rest, [])
  assert.equal(intent?.decision_phase, 'intent')
  assert.equal(outcome?.decision_phase, 'outcome')
  assert.equal(intent.action_id, outcome.action_id)
  assert.equal(intent.verdict, 'allow')
  assert.equal(intent.layer, 'policy')
  assert.equal(outcome.pattern, 'status=200 bytes_up=7 bytes_down=6 reason=completed')
  assert.ok(intent.precedent_refs?.some((ref) => ref.startsWith('digest:sha-256=:')))
  assert.ok(outcome.precedent_refs?.some((ref) => ref.startsWith('resp-digest:sha-256=:')))
  assert.ok(intent.precedent_refs?.includes(`addr:127.0.0.1:${origin.port}`))
})

test('fields of the hop, of other proxies and claims of identity stay behind; end-to-end fields keep case, order and repetition', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const request = [
    `GET ${origin.url}/h HTTP/1.1`, 'Host: other.test', 'Connection: close, X-Nominated', 'X-Nominated: 1', 'Keep-Alive: timeout=5', 'Proxy-Connection: keep-alive',
    'Proxy-Authorization: Basic eDp5', 'TE: trailers', 'Upgrade: websocket', 'X-Forwarded-For: 10.1.1.1', 'Forwarded: for=10.1.1.1', 'Via: 1.0 upstream-hop',
    'X-Pipelock-Agent: admin', 'Pipelock-Mediation: v=1', 'X-CaSe: one', 'X-CaSe: two', 'Accept: */*', '', '',
  ]
  await sendRaw(companion.port, request.join('\r\n'))

  const { rawHeaders = [] } = origin.seen[0] ?? {}
  for (const gone of ['x-nominated', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'upgrade', 'x-forwarded-for', 'forwarded', 'x-pipelock-agent', 'pipelock-mediation']) {
    assert.deepEqual(headerLines(rawHeaders, gone), [], gone)
  }
  assert.deepEqual(headerLines(rawHeaders, 'x-case'), ['one', 'two'])
  assert.ok(rawHeaders.includes('X-CaSe'))
  assert.deepEqual(headerLines(rawHeaders, 'host'), [`127.0.0.1:${origin.port}`])
  assert.match(headerLines(rawHeaders, 'via')[0] ?? '', /^1\.0 upstream-hop, 1\.1 chaperone-[0-9a-f]{8}$/)
})

test('answers keep status, repeated fields and body; those of the hop are dropped', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(418, 'Teapot', ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Connection', 'X-Hop', 'X-Hop', '1', 'Content-Length', '3'])
    response.end('tea')
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const answer = await throughProxy(companion.port, origin.url)
  assert.equal(answer.status, 418)
  assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2'])
  assert.equal(answer.headers['x-hop'], undefined)
  assert.equal(answer.text, 'tea')
})

test('HEAD, 204 and 304 have no body and keep the length the origin told', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/304') response.writeHead(304, { etag: '"x"' }).end()
    else if (request.url === '/204') response.writeHead(204).end()
    else response.writeHead(200, { 'content-length': 1234 }).end()
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const head = await throughProxy(companion.port, `${origin.url}/x`, { method: 'HEAD' })
  assert.equal(head.headers['content-length'], '1234')
  assert.equal(head.body.length, 0)
  assert.equal((await throughProxy(companion.port, `${origin.url}/204`)).status, 204)
  assert.equal((await throughProxy(companion.port, `${origin.url}/304`)).status, 304)
})

test('a client that expects 100-continue is told to continue only once the gates let it', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'fetch_proxy: {listen: "127.0.0.1:0", monitoring: {blocklist: [blocked.test]}}\n' })
  const allowed = await new Promise<string>((resolve) => {
    const socket = net.connect(companion.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('100 Continue') && !text.includes('200 OK')) socket.write('body!')
      if (text.includes('hello')) {
        socket.destroy()
        resolve(text)
      }
    })
    socket.write(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`)
  })
  assert.match(allowed, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
  assert.equal(origin.seen[0]?.body.toString(), 'body!')
  const refused = await sendRaw(companion.port, 'POST http://blocked.test/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
  assert.match(refused.text, /^HTTP\/1\.1 403 /)
  assert.equal(refused.closedBy, 'end')
})

test('a body over the limit is refused, announced or not, and the client reads the refusal', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'limits: {max_body_bytes: 1000}\n' })
  assert.equal((await throughProxy(companion.port, origin.url, { method: 'POST', body: 'x'.repeat(1000) })).status, 200)
  const announced = await throughProxy(companion.port, origin.url, { method: 'POST', body: 'x'.repeat(1001) })
  assert.equal(announced.status, 413)
  assert.equal(announced.headers['x-pipelock-block-reason'], 'body_too_large')
  const chunked = await throughProxy(companion.port, origin.url, { method: 'POST', body: 'x'.repeat(5000), headers: { 'transfer-encoding': 'chunked' } })
  assert.equal(chunked.status, 413)
  assert.equal(origin.seen.length, 1)
})

test('an upstream that refuses, resets, talks nonsense, stalls or cuts its answer is told apart', async (t) => {
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'timeouts: {response_head: 1s, response_idle: 1s}\n' })
  const origin = await startRawOrigin(t, (socket) => {
    socket.once('data', (chunk: Buffer) => {
      const path = chunk.toString().split(' ')[1]
      if (path === '/reset') socket.resetAndDestroy()
      else if (path === '/nonsense') socket.end('SSH-2.0-OpenSSH\r\n')
      else if (path === '/two-lengths') socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab')
      else if (path === '/gzip-coding') socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n')
      else if (path === '/cut') socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort')
      else if (path === '/cut-chunks') socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n')
      else if (path === '/stalled-body') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort')
    })
  })
  const unused = await startRawOrigin(t, (socket) => socket.destroy())
  const expected: [string, number, string][] = [
    ['/reset', 502, 'upstream_unreachable'],
    ['/nonsense', 502, 'upstream_malformed'],
    ['/two-lengths', 502, 'upstream_malformed'],
    ['/gzip-coding', 502, 'upstream_malformed'],
    ['/cut', 502, 'upstream_truncated'],
    ['/cut-chunks', 502, 'upstream_truncated'],
    ['/silent', 504, 'upstream_timeout'],
    ['/stalled-body', 504, 'upstream_timeout'],
  ]
  for (const [path, status, reason] of expected) {
    const answer = await throughProxy(companion.port, `${origin.url}${path}`)
    assert.equal(answer.status, status, path)
    assert.equal(answer.headers['x-pipelock-block-reason'], reason, path)
    assert.match(String(answer.headers['chaperone-refused-by']), /^"chaperone-/)
  }
  assert.equal((await throughProxy(companion.port, `${unused.url}/`)).status, 502)
  assert.equal((await throughProxy(companion.port, 'http://127.0.0.1:1/')).headers['x-pipelock-block-reason'], 'upstream_unreachable')
  const outcomes = (await companion.exchangeReceipts()).filter(({ decision_phase }) => decision_phase === 'outcome')
  assert.deepEqual(outcomes.slice(0, 8).map(({ pattern }) => /reason=(\S+)/.exec(pattern ?? '')?.[1]), expected.map(([, , reason]) => reason))
})

test('a large answer is streamed, and one that is cut upstream is not complete for the client', async (t) => {
  const size = 3 * 1024 * 1024
  const origin = await startOrigin(t, (request, response) => {
    response.writeHead(200, request.url === '/chunked' ? {} : { 'content-length': size })
    if (request.url !== '/cut') {
      response.end(Buffer.alloc(size, 'a'))
      return
    }
    response.write(Buffer.alloc(size / 2, 'a'), () => response.destroy())
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  for (const path of ['/length', '/chunked']) {
    const answer = await throughProxy(companion.port, `${origin.url}${path}`)
    assert.equal(answer.body.length, size, path)
    assert.ok(answer.isComplete, path)
  }
  const cut = await throughProxy(companion.port, `${origin.url}/cut`)
  assert.equal(cut.isComplete, false)
  const receipts = await companion.exchangeReceipts()
  assert.match(receipts.at(-1)?.pattern ?? '', /reason=upstream_truncated$/)
})

test('an answer that ends by close alone keeps that framing and is never given a length', async (t) => {
  const origin = await startRawOrigin(t, (socket) => {
    socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil close'))
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const answer = await sendRaw(companion.port, `GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`)
  assert.match(answer.text, /\r\nConnection: close\r\n/i)
  assert.doesNotMatch(answer.text, /content-length|transfer-encoding/i)
  assert.match(answer.text, /\r\n\r\nuntil close$/)
  assert.match((await companion.exchangeReceipts()).at(-1)?.pattern ?? '', /reason=upstream_truncated$/)
})

test('events of an event stream pass as they come', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: one\n\n')
    setTimeout(() => response.end('data: two\n\n'), 300)
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const arrivals: string[] = []
  const started = await new Promise<boolean>((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port: companion.port, path: origin.url, agent: false }, (response) => {
      response.on('data', (chunk: Buffer) => arrivals.push(chunk.toString()))
      response.on('end', () => {
        resolve(response.complete)
      })
    })
    request.on('error', reject)
  })
  assert.ok(started)
  assert.deepEqual(arrivals, ['data: one\n\n', 'data: two\n\n'])
})

test('a caller that goes away ends the upstream call, and the outcome says so', async (t) => {
  let isClosed = false
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: x\n\n')
    response.on('close', () => {
      isClosed = true
    })
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  await new Promise<void>((resolve) => {
    const request = http.get({ host: '127.0.0.1', port: companion.port, path: origin.url, agent: false }, (response) => {
      response.once('data', () => {
        request.destroy()
        resolve()
      })
    })
    request.on('error', () => undefined)
  })
  await waitFor(() => isClosed)
  await waitFor(async () => ((await companion.exchangeReceipts()).at(-1)?.pattern ?? '').endsWith("reason=client_aborted"))
})

test('a client that shuts its sending side still gets its answer', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    setTimeout(() => response.end('late'), 100)
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const answer = await sendRaw(companion.port, `GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, { halfClose: true })
  assert.match(answer.text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 [^]*late$/)
})

test('two requests on one keep-alive connection are two exchanges', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  await throughProxy(companion.port, origin.url, { agent })
  await throughProxy(companion.port, origin.url, { agent })
  agent.destroy()
  assert.equal(origin.connections(), 1, 'the upstream connection is pooled')
  const ids = new Set((await companion.exchangeReceipts()).map(({ action_id }) => action_id))
  assert.equal(ids.size, 2)
})
