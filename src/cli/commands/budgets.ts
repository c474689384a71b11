/** `chaperone budgets show|grant|reset|freeze|unfreeze|adopt`: what agents have spent, and what an operator may change. */

import type { Command } from 'commander'

import { defaultStateDir, stateFolderPaths } from '../../state/index.ts'
import { askCompanion, type CompanionAnswer } from '../companion-client.ts'
import { EXIT_USAGE, type CommandContext } from '../command-context.ts'

const EXIT_REFUSED = 1
const EXIT_COULD_NOT_RUN = 2
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

interface Options {
  readonly stateDir?: string
  readonly json?: boolean
  readonly axis?: string
  readonly for?: string
}

interface Shown {
  readonly store?: { readonly kind: string; readonly state: string }
  readonly agents?: readonly ShownAgent[]
}

interface ShownAgent {
  readonly agent: string
  readonly frozen: boolean
  readonly action: string
  readonly axes: readonly { readonly axis: string; readonly unit: string; readonly limit: number; readonly granted: number; readonly used?: number; readonly endpoints?: number; readonly window_seconds: number }[]
  readonly open: number
  readonly lost_reservations?: readonly { readonly attempt: string; readonly owner: string; readonly axes: readonly string[] }[]
}

export function addBudgetsCommand(program: Command, context: CommandContext): void {
  const budgets = program.command('budgets').description('show and change what agents may still spend')
  const add = (usage: string, description: string): Command => budgets.command(usage).description(description).option('--state-dir <folder>', 'state folder of the companion').option('--json', 'print JSON')

  add('show [agent]', 'limits, what is used of them, and reservations of processes that died').action((agent: string | undefined, options: Options) => ask(context, options, path(agent)))
  add('grant <agent> <axis> <amount>', 'add to a limit for a time; leaves a receipt')
    .requiredOption('--for <duration>', 'how long it holds, like 30m or 8h')
    .action((agent: string, axis: string, amount: string, options: Options) => {
      const ttl = /^([1-9][0-9]{0,6})([smhd])$/.exec(options.for ?? '')
      if (ttl === null || !/^[1-9][0-9]{0,12}$/.test(amount)) {
        context.stderr('expected a whole amount above 0, and --for like 30m or 8h')
        context.setExit(EXIT_USAGE)
        return undefined
      }
      return ask(context, options, `${path(agent)}/grants`, { axis, amount: Number(amount), ttl_seconds: Number(ttl[1]) * (SECONDS[ttl[2] ?? ''] ?? 0) })
    })
  add('reset <agent>', 'forget what was spent, on all axes or on one; leaves a receipt')
    .option('--axis <axis>', 'this axis alone')
    .action((agent: string, options: Options) => ask(context, options, `${path(agent)}/reset`, options.axis === undefined ? {} : { axis: options.axis }))
  add('freeze <agent>', 'refuse everything of an agent and cut what it has open; leaves a receipt').action((agent: string, options: Options) => ask(context, options, `${path(agent)}/freeze`, { frozen: true }))
  add('unfreeze <agent>', 'end a freeze; leaves a receipt').action((agent: string, options: Options) => ask(context, options, `${path(agent)}/freeze`, { frozen: false }))
  add('adopt', 'go on with a store or journal that lost what was spent; leaves a receipt').action((options: Options) => ask(context, options, '/api/v1/budget-store/adopt', {}))
}

function path(agent: string | undefined): string {
  return agent === undefined ? '/api/v1/budgets' : `/api/v1/budgets/${encodeURIComponent(agent)}`
}

async function ask(context: CommandContext, options: Options, at: string, order?: object): Promise<void> {
  const { socketPath } = stateFolderPaths(options.stateDir ?? defaultStateDir(context.environment, process.getuid?.()))
  const answer = await askCompanion(socketPath, at, order).catch((): CompanionAnswer | undefined => undefined)
  if (answer === undefined) {
    context.stderr(`no companion answers at ${socketPath}`)
    context.setExit(EXIT_COULD_NOT_RUN)
    return
  }
  if (answer.status !== 200) {
    context.stderr((answer.body as { detail?: string } | null)?.detail ?? `refused with ${answer.status}`)
    context.setExit(EXIT_REFUSED)
    return
  }
  context.stdout(options.json === true ? JSON.stringify(answer.body, undefined, 2) : describe(answer.body as Shown))
}

function describe({ store, agents = [] }: Shown): string {
  const states = store === undefined || store.state === 'ok' ? [] : [`store: ${store.kind}, ${store.state}`]
  return [...states, ...agents.flatMap(describeAgent)].join('\n')
}

function describeAgent({ agent, frozen, action, axes, open, lost_reservations: lost = [] }: ShownAgent): string[] {
  const words = [frozen ? 'frozen' : '', action === 'warn' ? 'warns only' : '', axes.length === 0 ? 'no limits' : '', open > 0 ? `${open} open` : ''].filter((word) => word !== '')
  return [
    `${agent}${words.length === 0 ? '' : ` (${words.join(', ')})`}`,
    ...axes.map(describeAxis),
    ...lost.map(({ attempt, owner, axes: held }) => `  lost reservation ${attempt} of ${owner}: ${held.join(', ')}`),
  ]
}

function describeAxis({ axis, unit, limit, granted, used, endpoints, window_seconds: seconds }: ShownAgent['axes'][number]): string {
  const bonus = granted === 0 ? '' : ` + ${granted} granted`
  const state = used === undefined ? `limit ${limit}, ${endpoints ?? 0} endpoints remembered` : `${used} of ${limit}${bonus} ${unit}`
  return `  ${axis}: ${state}${seconds === 0 ? '' : ` in ${seconds} s`}`
}
