/** Starts children that spend, kills some of them, and reads what they were granted. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('spend-until-killed.ts', import.meta.url))

export interface Spent {
  readonly health: string
  /** Attempts that were granted and told. */
  readonly granted: readonly string[]
  /** Refusals by limit and by anything else; undefined where it was killed before. */
  readonly refused: { readonly limit: number; readonly other: number } | undefined
}

/** @param killAfterMs from when it is ready; absent: it may finish */
export async function spendUntil(args: readonly (string | number)[], killAfterMs?: number): Promise<Spent> {
  const child = spawn(process.execPath, [CHILD, ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const closed = once(child, 'close')
  await Promise.race([once(child.stdout, 'data'), closed])
  if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  await closed
  const [health = '', ...lines] = Buffer.concat(chunks).toString().split('\n').slice(0, -1)
  const [, limit, other] = /^refused (\d+) (\d+)$/.exec(lines.at(-1) ?? '') ?? []
  return { health, granted: lines.filter((line) => !line.startsWith('refused')), refused: limit === undefined ? undefined : { limit: Number(limit), other: Number(other) } }
}
