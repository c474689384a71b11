/** Several companion processes that share one store, and many attempts spread over them. */

import http from 'node:http'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { askCompanion } from '../../src/cli/companion-client.ts'
import { processFolder, startCompanionProcess, type CompanionProcess, type ProcessFolder } from './companion-process.ts'
import { waitFor } from './wait-for.ts'

export interface Replica {
  readonly folder: ProcessFolder
  process: CompanionProcess
}

/** @param config of each, without the state, which is shared */
export async function startReplicas(t: TestContext, count: number, storeUrl: string, config: string): Promise<Replica[]> {
  const text = `state: ${JSON.stringify(storeUrl)}\ncluster: {replicas: ${count}}\n${config}`
  return Promise.all(
    Array.from({ length: count }, async () => {
      const folder = processFolder(t)
      const replica = { folder, process: await startCompanionProcess(t, folder, { config: text }) }
      // Replicas that start together on an empty store may have to look at it twice; until then they refuse.
      await waitFor(async () => (await storeStateOf(replica)) === 'ok')
      return replica
    }),
  )
}

async function storeStateOf({ folder }: Replica): Promise<string> {
  const { body } = await askCompanion(join(folder.stateDir, 'companion.sock'), '/api/v1/budgets')
  return (body as { store: { state: string } }).store.state
}

/** What the ledger says of a profile, asked of one companion that lives. */
export async function budgetOf({ folder }: Replica, agent: string): Promise<{ used: number; open: number; lost: readonly { attempt: string; owner: string }[] }> {
  const { body } = await askCompanion(join(folder.stateDir, 'companion.sock'), `/api/v1/budgets/${agent}`)
  const { agents } = body as { agents: readonly { axes: readonly { used: number }[]; open: number; lost_reservations?: readonly { attempt: string; owner: string }[] }[] }
  return { used: agents[0]?.axes[0]?.used ?? 0, open: agents[0]?.open ?? 0, lost: agents[0]?.lost_reservations ?? [] }
}

export async function freezeAt({ folder }: Replica, frozen: boolean, agent = '_default'): Promise<void> {
  await askCompanion(join(folder.stateDir, 'companion.sock'), `/api/v1/budgets/${agent}/freeze`, { frozen })
}

/** What each attempt was told, in words: `200`, a reason, or how the connection broke. */
export async function attemptAll(ports: readonly number[], url: string, { attempts, connectionsPerPort }: { attempts: number; connectionsPerPort: number }): Promise<Map<string, number>> {
  const told = new Map<string, number>()
  let next = 0
  const worker = async (port: number, agent: http.Agent): Promise<void> => {
    while (next < attempts) {
      const outcome = await attempt(port, `${url}/${next++}`, agent)
      told.set(outcome, (told.get(outcome) ?? 0) + 1)
    }
  }
  const agents = ports.map(() => new http.Agent({ keepAlive: true, maxSockets: connectionsPerPort }))
  await Promise.all(ports.flatMap((port, at) => Array.from({ length: connectionsPerPort }, () => worker(port, agents[at] ?? new http.Agent()))))
  for (const agent of agents) agent.destroy()
  return told
}

function attempt(port: number, path: string, agent: http.Agent): Promise<string> {
  return new Promise((resolve) => {
    const request = http.request({ host: '127.0.0.1', port, path, agent }, (response) => {
      response.resume()
      const reason = response.headers['x-pipelock-block-reason']
      response.on('close', () => {
        resolve(typeof reason === 'string' ? reason : response.complete ? String(response.statusCode) : 'cut')
      })
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.name)
    })
    request.end()
  })
}
