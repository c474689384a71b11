/**
 * Script for a network namespace: an origin that listens on every address there is, and a whole companion without rules of
 * its own. Asks for every URL given as an argument through the companion and tells, one JSON line apiece, what the caller was
 * told and at which address the origin was reached. Takes no part in the product.
 */

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { isConfigErrors, parseConfig } from '../../src/config/index.ts'
import { startCompanion } from '../../src/server.ts'
import { openStateFolder } from '../../src/state/index.ts'
import { askRaw, lastMessage } from './raw-message.ts'

const CONFIG = 'fetch_proxy: {listen: "127.0.0.1:0"}\nadmin: {listen: "127.0.0.1:0"}\nlogging: {output: file, file: /dev/null}\n'
const MAPPED = /^::ffff:(?=\d+\.)/

/** Local addresses at which the origin was reached, in order. */
const reached: string[] = []
const origin = createServer((request, response) => {
  reached.push((request.socket.localAddress ?? '').replace(MAPPED, ''))
  response.end('reached')
})
origin.listen(0, '::')
await once(origin, 'listening')
const { port } = origin.address() as AddressInfo

const stateDir = mkdtempSync(join(tmpdir(), 'chaperone-namespace-'))
const read = () => parseConfig(CONFIG, 'namespace.yaml', {})
const config = read()
if (isConfigErrors(config)) throw new TypeError(JSON.stringify(config.problems))
const folder = await openStateFolder(stateDir)
const companion = await startCompanion(config, folder, { version: 'test', read })

for (const host of process.argv.slice(2)) {
  const before = reached.length
  const { status, headers } = lastMessage(await askRaw(companion.listeners[0]?.port ?? 0, `http://${host}:${port}/`))
  console.log(JSON.stringify({ host, told: headers['x-pipelock-block-reason'] ?? String(status), reached: reached.slice(before).join() }))
}

await companion.stop('done')
await folder.release()
rmSync(stateDir, { recursive: true })
origin.closeAllConnections()
origin.close()
