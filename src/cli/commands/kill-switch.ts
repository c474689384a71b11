/** `chaperone killswitch on|off|show`: stops traffic of everybody, or of one agent, at once. */

import type { Command } from 'commander'

import { defaultStateDir, stateFolderPaths } from '../../state/index.ts'
import { askCompanion, type CompanionAnswer } from '../companion-client.ts'
import { EXIT_USAGE, type CommandContext } from '../command-context.ts'

const EXIT_REFUSED = 1
const EXIT_COULD_NOT_RUN = 2
const PATH = '/api/v1/killswitch'

export function addKillSwitchCommand(program: Command, context: CommandContext): void {
  program
    .command('killswitch')
    .description('stop or release traffic: on, off or show')
    .argument('<state>', 'on, off or show')
    .option('--agent <name>', 'one profile; without it everybody')
    .option('--state-dir <folder>', 'state folder of the companion')
    .action(async (state: string, options: { agent?: string; stateDir?: string }) => {
      if (!['on', 'off', 'show'].includes(state)) {
        context.stderr(`expected on, off or show, got ${state}`)
        context.setExit(EXIT_USAGE)
        return
      }
      const { socketPath } = stateFolderPaths(options.stateDir ?? defaultStateDir(context.environment, process.getuid?.()))
      const wish = state === 'show' ? undefined : { active: state === 'on', ...(options.agent !== undefined && { agent: options.agent }) }
      const answer = await askCompanion(socketPath, PATH, wish).catch((): CompanionAnswer | undefined => undefined)
      if (answer === undefined) {
        context.stderr(`no companion answers at ${socketPath}`)
        context.setExit(EXIT_COULD_NOT_RUN)
        return
      }
      context.stdout(JSON.stringify(answer.body))
      if (answer.status !== 200) context.setExit(EXIT_REFUSED)
    })
}
