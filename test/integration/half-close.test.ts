/** Clients that end their side once the request is sent, and wait for the answer: each kind gets the whole of it. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import http from 'node:http'
import net from 'node:net'
import { test, type TestContext } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { hasProgram, skipFor } from '../support/missed.ts'
import { startOrigin, startRawOrigin } from '../support/origin.ts'
import { sendRaw } from '../support/proxy-client.ts'
import { waitFor } from '../support/wait-for.ts'

/** Longer than the end of a client's side takes to arrive. */
const ANSWER_AFTER_MS = 500

async function slowOrigin(t: TestContext): Promise<{ readonly url: string; readonly port: number }> {
  const origin = await startOrigin(t, (_request, response) => setTimeout(() => response.end('late'), ANSWER_AFTER_MS))
  const { port } = await startTestCompanion(t, { allowLoopback: true })
  return { url: `${origin.url}/`, port }
}

const output = (program: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    execFile(program, args, { timeout: 20_000 }, (_error, stdout, stderr) => {
      resolve(`${stdout}${stderr}`.trim())
    })
  })

for (const version of ['1.1', '1.0']) {
  test(`a raw HTTP/${version} client gets its answer after its half-close`, async (t) => {
    const { url, port } = await slowOrigin(t)
    const { text, closedBy } = await sendRaw(port, `GET ${url} HTTP/${version}\r\nHost: x\r\nConnection: close\r\n\r\n`, { halfClose: true })
    assert.match(text, /^(HTTP\/1\.1 100 Continue\r\n\r\n){0,2}HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nlate$/)
    assert.equal(closedBy, 'end')
  })
}

test("Node's client gets its answer after its half-close", async (t) => {
  const { url, port } = await slowOrigin(t)
  const answer = await new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: url, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => {
        resolve([response.statusCode, text])
      })
    })
    request.on('error', reject)
    request.on('socket', (socket) => {
      socket.on('connect', () => setTimeout(() => socket.end(), ANSWER_AFTER_MS / 5))
    })
    request.end()
  })
  assert.deepEqual(answer, [200, 'late'])
})

const PYTHON = `
import http.client, socket, sys
connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))
connection.request('GET', sys.argv[2])
if sys.argv[3] == 'half': connection.sock.shutdown(socket.SHUT_WR)
response = connection.getresponse()
print(response.status, response.read().decode())
`

test("Python's client gets its answer, with and without a half-close", async (t) => {
  if (!hasProgram('python3')) {
    skipFor(t, 'python3')
    return
  }
  const { url, port } = await slowOrigin(t)
  for (const form of ['whole', 'half']) assert.equal(await output('python3', ['-c', PYTHON, String(port), url, form]), '200 late', form)
})

test('curl gets its answer', async (t) => {
  if (!hasProgram('curl')) {
    skipFor(t, 'curl')
    return
  }
  const { url, port } = await slowOrigin(t)
  assert.equal(await output('curl', ['-sS', '-x', `http://127.0.0.1:${port}`, url]), 'late')
})

test('a client that closes its connection while the origin is silent ends its exchange, on both sides', async (t) => {
  const left: boolean[] = []
  const silent = await startRawOrigin(t, (socket) => socket.once('end', () => left.push(true)))
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const client = net.connect(companion.port, '127.0.0.1')
  client.write(`GET ${silent.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`)
  await waitFor(() => silent.received[0] !== undefined)
  // A clean end, as a program makes it that is through: no reset tells of it.
  client.destroy()
  await waitFor(() => left.length === 1)
  const receipts = await companion.exchangeReceipts()
  assert.match(receipts.at(-1)?.pattern ?? '', /reason=client_aborted$/)
})
