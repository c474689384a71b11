/** The /fetch surface: relays method, headers and body; follows redirects as new exchanges; JSON form. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { startOrigin } from '../support/origin.ts'
import { throughProxy, type ProxyRequest } from '../support/proxy-client.ts'

const askFetch = (port: number, query: string, request?: ProxyRequest) => throughProxy(port, `/fetch?${query}`, request)
const urlOf = (url: string) => `url=${encodeURIComponent(url)}`

test('method, headers and body are relayed, and the answer is the origin\'s', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(201, { 'x-made': 'yes' }).end('made')
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const answer = await askFetch(companion.port, urlOf(`${origin.url}/items?a=1&b=%20`), { method: 'PUT', body: 'content', headers: { 'x-mine': '1' } })
  assert.deepEqual([answer.status, answer.headers['x-made'], answer.text], [201, 'yes', 'made'])
  const [seen] = origin.seen
  assert.deepEqual([seen?.method, seen?.url, seen?.body.toString()], ['PUT', '/items?a=1&b=%20', 'content'])
  assert.ok(seen?.rawHeaders.includes('x-mine'))
  assert.equal((await companion.exchangeReceipts())[0]?.transport, 'fetch')
})

test('a claimed agent is taken out of the /fetch query, and one in the destination URL is left alone', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  await askFetch(companion.port, `agent=admin&${urlOf(`${origin.url}/?agent=kept`)}`)
  assert.equal(origin.seen[0]?.url, '/?agent=kept')
  const [intent] = await companion.exchangeReceipts()
  assert.ok(intent?.precedent_refs?.includes('claimed:admin'))
  assert.ok(!intent?.precedent_refs?.includes('claimed:kept'))
})

test('each redirect is an exchange of its own that names its cause', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/1') response.writeHead(302, { location: '/2' }).end('moved')
    else if (request.url === '/2') response.writeHead(307, { location: `http://127.0.0.1:${(request.socket.address() as { port: number }).port}/3` }).end()
    else response.end('here')
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const answer = await askFetch(companion.port, urlOf(`${origin.url}/1`))
  assert.equal(answer.text, 'here')
  assert.deepEqual(origin.seen.map(({ url }) => url), ['/1', '/2', '/3'])
  const intents = (await companion.exchangeReceipts()).filter(({ decision_phase }) => decision_phase === 'intent')
  assert.equal(intents.length, 3)
  assert.ok(intents[1]?.precedent_refs?.includes(`cause:${intents[0]?.action_id}`))
  assert.ok(intents[2]?.precedent_refs?.includes(`cause:${intents[1]?.action_id}`))
})

test('a redirect into the internal network is refused like any other request', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end()
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const answer = await askFetch(companion.port, urlOf(origin.url))
  assert.deepEqual([answer.status, answer.headers['x-pipelock-block-reason']], [403, 'ssrf_address'])
})

test('POST becomes GET after 303 and loses its body; 308 sends it again; another origin does not see credentials', async (t) => {
  const other = await startOrigin(t)
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/303') response.writeHead(303, { location: '/after' }).end()
    else if (request.url === '/308') response.writeHead(308, { location: '/again' }).end()
    else if (request.url === '/away') response.writeHead(307, { location: `${other.url}/there` }).end()
    else response.end('ok')
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const post: ProxyRequest = { method: 'POST', body: 'data', headers: { 'content-type': 'text/plain', cookie: 'a=b', 'x-kept': '1' } }
  await askFetch(companion.port, urlOf(`${origin.url}/303`), post)
  await askFetch(companion.port, urlOf(`${origin.url}/308`), post)
  await askFetch(companion.port, urlOf(`${origin.url}/away`), post)
  assert.deepEqual(
    origin.seen.map(({ method, url, body }) => `${method} ${url} ${body.toString()}`),
    ['POST /303 data', 'GET /after ', 'POST /308 data', 'POST /again data', 'POST /away data'],
  )
  const [there] = other.seen
  assert.equal(there?.body.toString(), 'data')
  assert.ok(!there.rawHeaders.includes('cookie'))
  assert.ok(there.rawHeaders.includes('x-kept'))
})

test('redirect=manual gives the redirect itself, and the limit ends a circle', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(302, { location: '/again' }).end()
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  assert.equal((await askFetch(companion.port, `redirect=manual&${urlOf(origin.url)}`)).status, 302)
  assert.equal(origin.seen.length, 1)
  assert.equal((await askFetch(companion.port, urlOf(origin.url))).status, 302)
  assert.equal(origin.seen.length, 1 + 6)
})

test('format=json gives one object, for answers and for refusals', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html><title> A page </title>text</html>')
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const allowed = JSON.parse((await askFetch(companion.port, `format=json&${urlOf(`${origin.url}/p`)}`)).text) as Record<string, unknown>
  assert.deepEqual([allowed['status_code'], allowed['title'], allowed['blocked'], allowed['content_type']], [200, 'A page', false, 'text/html'])
  assert.match(String(allowed['content']), /text/)
  const refused = await askFetch(companion.port, `format=json&${urlOf('http://10.0.0.1/')}`)
  const problem = JSON.parse(refused.text) as Record<string, unknown>
  assert.deepEqual([refused.status, problem['blocked'], problem['block_reason']], [403, true, 'ssrf_address'])
})
