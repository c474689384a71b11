/** `chaperone identity explain IP`: which profile a caller from an address would have, and why. */

import type { Command } from 'commander'

import { formatProblem, isConfigErrors, loadConfig } from '../../config/index.ts'
import { explainIdentity, type IdentityExplanation } from '../../identity/index.ts'
import type { CommandContext } from '../command-context.ts'

const EXIT_REFUSED = 1

interface ExplainOptions {
  readonly config?: string
  readonly listener?: string
  readonly json?: boolean
}

export function addIdentityCommand(program: Command, context: CommandContext): void {
  program
    .command('identity')
    .description('explain how callers are told apart')
    .command('explain')
    .description('say which profile a caller from this address has, and why; exit code 1 where it is refused')
    .argument('<address>', 'IPv4 or IPv6 address')
    .option('-c, --config <file>', 'configuration file')
    .option('--listener <address>', 'the listener that is called, for example 127.0.0.1:8888')
    .option('--json', 'print JSON')
    .action((address: string, options: ExplainOptions) => {
      const config = loadConfig(options.config, context.environment)
      if (isConfigErrors(config)) {
        for (const problem of config.problems) context.stderr(formatProblem(problem))
        context.setExit(EXIT_REFUSED)
        return
      }
      const explanation = explainIdentity(config.identity, address, options.listener)
      context.stdout(options.json === true ? JSON.stringify(explanation, undefined, 2) : describeIdentity(explanation))
      if (explanation.result.denial !== undefined) context.setExit(EXIT_REFUSED)
    })
}

function describeIdentity({ address, steps, networks, trustedProxy, forwarded, result }: IdentityExplanation): string {
  const lines = [`address: ${address ?? 'not an address'}`]
  for (const { source, effect, profile, rule } of steps) lines.push(`${source}: ${effect}${profile === undefined ? '' : ` (${profile}${rule === undefined ? '' : ` by ${rule}`})`}`)
  for (const { network, profile } of networks) lines.push(`network: ${network} is of ${profile}`)
  if (trustedProxy !== undefined) lines.push(`trusted proxy: ${trustedProxy} speaks for its clients by ${forwarded}`)
  const { denial, agent } = result
  lines.push(denial === undefined ? `result: profile ${agent.profile}, grade ${agent.grade}` : `result: refused, ${denial.reason}`)
  return lines.join('\n')
}
