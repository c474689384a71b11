/**
 * Smuggling and malformed HTTP over raw sockets: never forwarded, never a crash, always a refusal that is counted or
 * receipted, and the companion serves the next client as before. Beside them, odd but valid messages pass.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { startOrigin } from '../support/origin.ts'
import { sendRaw, throughProxy } from '../support/proxy-client.ts'

/** HOST is replaced by the origin's authority. A second request named /smuggled must never reach the origin. */
const REFUSED: readonly (readonly [rule: string, bytes: string])[] = [
  ['both Content-Length and Transfer-Encoding', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET http://HOST/smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['Transfer-Encoding before Content-Length', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET http://HOST/smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['two different Content-Length fields', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\nContent-Length: 40\r\n\r\nx'],
  ['two equal Content-Length fields', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx'],
  ['a list in Content-Length', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1, 1\r\n\r\nx'],
  ['a signed Content-Length', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: +1\r\n\r\nx'],
  ['a negative Content-Length', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\nx'],
  ['a hexadecimal Content-Length', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0x1\r\n\r\nx'],
  ['a Content-Length beyond what numbers hold', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 99999999999999999999\r\n\r\nx'],
  ['an empty Content-Length', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nContent-Length:\r\n\r\n'],
  ['a space inside Content-Length', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1 2\r\n\r\nx'],
  ['an unknown transfer coding', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
  ['a coding before chunked', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['chunked that is not last', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
  ['chunked twice', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['Transfer-Encoding with a space before the colon', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n'],
  ['Transfer-Encoding with a control byte in its value', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: \u000bchunked\r\n\r\n0\r\n\r\n'],
  ['Transfer-Encoding in HTTP/1.0', 'POST http://HOST/ HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a chunk size that is not hexadecimal', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n'],
  ['a chunk size with a sign', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n'],
  ['a chunk size beyond what numbers hold', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx\r\n0\r\n\r\n'],
  ['a chunk longer than its size', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n'],
  ['chunks that never end', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n'],
  ['a body shorter than its length', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 100\r\n\r\nx'],
  ['no Host in HTTP/1.1', 'GET http://HOST/ HTTP/1.1\r\n\r\n'],
  ['two Host fields', 'GET http://HOST/ HTTP/1.1\r\nHost: HOST\r\nHost: other.test\r\n\r\n'],
  ['two equal Host fields', 'GET http://HOST/ HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n'],
  ['a folded header', 'GET http://HOST/ HTTP/1.1\r\nHost: HOST\r\nX-A: one\r\n two\r\n\r\n'],
  ['a header name with a space', 'GET http://HOST/ HTTP/1.1\r\nHost: HOST\r\nX A: one\r\n\r\n'],
  ['a header without a name', 'GET http://HOST/ HTTP/1.1\r\nHost: HOST\r\n: one\r\n\r\n'],
  ['a header line without a colon', 'GET http://HOST/ HTTP/1.1\r\nHost: HOST\r\nnothing\r\n\r\n'],
  ['a NUL in a header value', 'GET http://HOST/ HTTP/1.1\r\nHost: HOST\r\nX-A: a\u0000b\r\n\r\n'],
  ['a bare CR in a header value', 'GET http://HOST/ HTTP/1.1\r\nHost: HOST\r\nX-A: a\rX-B: b\r\n\r\n'],
  ['line ends without CR', 'GET http://HOST/smuggled HTTP/1.1\nHost: HOST\n\n'],
  ['a tab in the request line', 'GET\thttp://HOST/ HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['a space in the target', 'GET http://HOST/a b HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['bytes beyond ASCII in the target', 'GET http://HOST/\u00e4 HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['no version', 'GET http://HOST/\r\n\r\n'],
  ['HTTP/2 spoken as text', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a version that does not exist', 'GET http://HOST/ HTTP/1.9\r\nHost: HOST\r\n\r\n'],
  ['a version in lower case', 'GET http://HOST/ http/1.1\r\nHost: HOST\r\n\r\n'],
  ['a method that is not a token', 'G(T http://HOST/ HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['a method in lower case', 'get http://HOST/ HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['TRACE', 'TRACE http://HOST/ HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['origin-form on a proxy port', 'GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['asterisk-form', 'OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['a scheme that is not http', 'GET ftp://HOST/ HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['credentials in the URL', 'GET http://user:pass@HOST/ HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['a fragment in the target', 'GET http://HOST/#x HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['a backslash in the authority', 'GET http://HOST\\@other.test/ HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['a percent-encoded host', 'GET http://%31%32%37.0.0.1/ HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['a port out of range', 'GET http://127.0.0.1:65536/ HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['no host in the URL', 'GET http:///x HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['an expectation other than 100-continue', 'POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nExpect: wonders\r\nContent-Length: 1\r\n\r\nx'],
  ['CONNECT without a port', 'CONNECT 127.0.0.1 HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['CONNECT with a path', 'CONNECT HOST/x HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['CONNECT in absolute form', 'CONNECT http://HOST/ HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['CONNECT with two Host fields', 'CONNECT HOST HTTP/1.1\r\nHost: HOST\r\nHost: other.test\r\n\r\n'],
  ['/fetch without url', 'GET /fetch HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['/fetch with two url', 'GET /fetch?url=http%3A%2F%2FHOST%2F&url=http%3A%2F%2FHOST%2Fsmuggled HTTP/1.1\r\nHost: HOST\r\n\r\n'],
  ['a TLS hello on the plain port', '\u0016\u0003\u0001\u0000\u0005\u0001\u0000\u0000\u0001\u0000'],
  ['garbage', '\u0000\u0001\u0002\u0003\r\n\r\n'],
]

test('malformed and ambiguous messages are refused, counted or receipted, and reach no origin', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const host = `127.0.0.1:${origin.port}`
  for (const [rule, bytes] of REFUSED) {
    const before = await companion.refusals()
    const answer = await sendRaw(companion.port, bytes.replaceAll('HOST', host), { waitMs: 300, halfClose: true })
    assert.match(answer.text, /^(HTTP\/1\.1 (4|5)[0-9]{2} |$)/, rule)
    assert.deepEqual(origin.seen, [], `${rule}: reached the origin`)
    assert.ok((await companion.refusals()) > before, `${rule}: neither counted nor receipted`)
  }
  assert.equal((await throughProxy(companion.port, `http://${host}/after`)).text, 'hello\n', 'the companion serves on')
  assert.deepEqual(origin.seen.map(({ url }) => url), ['/after'])
})

/** Valid, if odd: each must reach the origin exactly once. */
const ACCEPTED: readonly (readonly [rule: string, bytes: string, url: string])[] = [
  ['a plain GET', 'GET http://HOST/a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n', '/a'],
  ['a Host that differs: the target counts', 'GET http://HOST/a HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n', '/a'],
  ['HTTP/1.0 without Host', 'GET http://HOST/a HTTP/1.0\r\n\r\n', '/a'],
  ['an empty path', 'GET http://HOST HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n', '/'],
  ['a query without a path', 'GET http://HOST?x=1 HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n', '/?x=1'],
  ['the scheme in capitals', 'GET HTTP://HOST/a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n', '/a'],
  ['dots and encoded slashes stay as they are', 'GET http://HOST/a/../%2e%2F/./b HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n', '/a/../%2e%2F/./b'],
  ['a chunked body with an extension and trailers', 'POST http://HOST/c HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n', '/c'],
  ['two spaces in the request line (RFC 9112 §3 permits)', 'GET  http://HOST/a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n', '/a'],
  ['an empty line before the request', '\r\nGET http://HOST/a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n', '/a'],
]

test('odd but valid messages pass, once each', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const host = `127.0.0.1:${origin.port}`
  for (const [rule, bytes, url] of ACCEPTED) {
    const before = origin.seen.length
    const answer = await sendRaw(companion.port, bytes.replaceAll('HOST', host))
    assert.match(answer.text, /^HTTP\/1\.[01] 200 /, rule)
    assert.deepEqual(origin.seen.slice(before).map((seen) => seen.url), [url], rule)
  }
})

test('pipelined requests are answered in order, each an exchange of its own', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    setTimeout(() => response.end(`for ${request.url ?? ''}\n`), request.url === '/1' ? 80 : 0)
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const requests = ['/1', '/2', '/3'].map((path) => `GET ${origin.url}${path} HTTP/1.1\r\nHost: x.test\r\n${path === '/3' ? 'Connection: close\r\n' : ''}\r\n`)
  const answer = await sendRaw(companion.port, requests.join(''))
  assert.deepEqual([...answer.text.matchAll(/for \/[0-9]/g)].map(String), ['for /1', 'for /2', 'for /3'])
  const receipts = await companion.exchangeReceipts()
  assert.equal(receipts.filter(({ decision_phase }) => decision_phase === 'intent').length, 3)
})

test('a head that never ends is cut off in time, and a client that says nothing too', async (t) => {
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'timeouts: {request_head: 400ms, keep_alive: 400ms}\n' })
  const started = performance.now()
  const slow = await sendRaw(companion.port, 'GET http://x.test/ HTTP/1.1\r\nHost:', { waitMs: 8000 })
  assert.notEqual(slow.closedBy, 'timeout')
  assert.match(slow.text, /^HTTP\/1\.1 408 /)
  assert.ok(performance.now() - started < 6000)
})

test('header sections over the limit are refused with 431', async (t) => {
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'limits: {max_header_bytes: 8KiB, max_headers: 20}\n' })
  const large = await sendRaw(companion.port, `GET http://x.test/ HTTP/1.1\r\nHost: x.test\r\nX: ${'a'.repeat(9000)}\r\n\r\n`)
  assert.match(large.text, /^HTTP\/1\.1 431 /)
  const many = await sendRaw(companion.port, `GET http://x.test/ HTTP/1.1\r\nHost: x.test\r\n${'X: a\r\n'.repeat(25)}\r\n`)
  assert.match(many.text, /^HTTP\/1\.1 431 /)
})
