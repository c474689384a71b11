/**
 * A DNS server on loopback, UDP and TCP, whose answers a test writes down per question. It counts what it is asked, so that
 * a test can show what was not asked. No compression, no EDNS; an answer over 512 bytes is truncated on UDP.
 */

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import type { TestContext } from 'node:test'

import { parseIpAddress } from '../../src/base/ip-address.ts'

export interface DnsQuestion {
  /** Lower case, without a trailing dot. */
  readonly name: string
  readonly type: 'A' | 'AAAA'
  /** How often this name and type was asked before. */
  readonly earlier: number
}

export interface DnsRecord {
  readonly type: 'A' | 'AAAA' | 'CNAME'
  /** Address, or the name a CNAME points to. */
  readonly value: string
  /** Owner; absent: the name asked for. */
  readonly name?: string
  /** Seconds; 60 where absent. */
  readonly ttl?: number
}

export type DnsReply =
  | { readonly records: readonly DnsRecord[]; readonly rcode?: 'NOERROR' | 'SERVFAIL' | 'NXDOMAIN' | 'REFUSED'; readonly delayMs?: number }
  | 'no answer'

export interface DnsServer {
  /** `127.0.0.1:port`, as `setServers` takes it. */
  readonly address: string
  readonly questions: readonly DnsQuestion[]
}

const TYPES = { A: 1, CNAME: 5, AAAA: 28 } as const
const RCODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const
const MAX_UDP_BYTES = 512
const DEFAULT_TTL_SECONDS = 60

/** Starts a server that stops with the test. `script` is asked once per question. */
export async function startDnsServer(test: TestContext, script: (question: DnsQuestion) => DnsReply): Promise<DnsServer> {
  const questions: DnsQuestion[] = []
  const timers = new Set<NodeJS.Timeout>()
  const answer = (query: Buffer, send: (reply: Buffer) => void): void => {
    const { question, end } = readQuestion(query, questions)
    questions.push(question)
    const reply = script(question)
    if (reply === 'no answer') return
    const timer = setTimeout(() => {
      timers.delete(timer)
      send(encodeReply(query.subarray(0, end), question, reply))
    }, reply.delayMs ?? 0)
    timers.add(timer)
  }

  const { udp, tcp } = await bindBoth()
  udp.on('message', (query, peer) => {
    answer(query, (reply) => {
      udp.send(reply.length > MAX_UDP_BYTES ? truncated(reply, query) : reply, peer.port, peer.address)
    })
  })
  tcp.on('connection', (socket) => {
    socket.on('error', () => socket.destroy())
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const query = received.subarray(2, 2 + received.readUInt16BE(0))
        received = received.subarray(2 + query.length)
        answer(query, (reply) => socket.write(Buffer.concat([uint16(reply.length), reply])))
      }
    })
  })

  test.after(() => {
    timers.forEach(clearTimeout)
    udp.close()
    tcp.close()
  })
  return { address: `127.0.0.1:${udp.address().port}`, questions }
}

/** UDP and TCP on one port: the port that UDP was given may be taken on TCP, then another one is tried. */
async function bindBoth(): Promise<{ udp: Socket; tcp: Server }> {
  for (;;) {
    const udp = createSocket('udp4')
    udp.bind(0, '127.0.0.1')
    await once(udp, 'listening')
    const tcp = createServer()
    tcp.listen(udp.address().port, '127.0.0.1')
    const isBound = await once(tcp, 'listening').then(
      () => true,
      () => false,
    )
    if (isBound) return { udp, tcp: tcp.unref() }
    udp.close()
  }
}

function readQuestion(query: Buffer, asked: readonly DnsQuestion[]): { question: DnsQuestion; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const name = labels.join('.').toLowerCase()
  const type = query.readUInt16BE(at + 1) === TYPES.AAAA ? 'AAAA' : 'A'
  const earlier = asked.filter((question) => question.name === name && question.type === type).length
  return { question: { name, type, earlier }, end: at + 5 }
}

/** @param head the query up to the end of its question */
function encodeReply(head: Buffer, question: DnsQuestion, reply: Exclude<DnsReply, 'no answer'>): Buffer {
  const header = Buffer.from(head)
  const records = reply.records.map((record) => encodeRecord(record, question.name))
  header.writeUInt16BE(0x8180 | RCODES[reply.rcode ?? 'NOERROR'], 2)
  header.writeUInt16BE(records.length, 6)
  header.writeUInt16BE(0, 8)
  header.writeUInt16BE(0, 10)
  return Buffer.concat([header, ...records])
}

function truncated(reply: Buffer, query: Buffer): Buffer {
  const short = Buffer.from(reply.subarray(0, readQuestion(query, []).end))
  short.writeUInt16BE(short.readUInt16BE(2) | 0x0200, 2)
  short.writeUInt16BE(0, 6)
  return short
}

function encodeRecord({ type, value, name, ttl = DEFAULT_TTL_SECONDS }: DnsRecord, asked: string): Buffer {
  const data = type === 'CNAME' ? encodeName(value) : encodeAddress(value, type)
  const life = Buffer.alloc(4)
  life.writeUInt32BE(ttl)
  return Buffer.concat([encodeName(name ?? asked), uint16(TYPES[type]), uint16(1), life, uint16(data.length), data])
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]))
  return Buffer.concat([...labels, Buffer.from([0])])
}

/** An AAAA record can hold an IPv4-mapped address, which parsing turns into IPv4: it is written with its prefix. */
function encodeAddress(text: string, type: 'A' | 'AAAA'): Buffer {
  const address = parseIpAddress(text)
  if (address === undefined) throw new TypeError(`not an address: ${text}`)
  const value = type === 'AAAA' && address.family === 4 ? (0xffffn << 32n) | address.value : address.value
  return Buffer.from(value.toString(16).padStart(type === 'A' ? 8 : 32, '0'), 'hex')
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
