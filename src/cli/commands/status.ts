/** `chaperone status`: what the running companion of a state folder says of itself. */

import type { Command } from 'commander'

import { defaultStateDir, stateFolderPaths } from '../../state/index.ts'
import { askCompanion } from '../companion-client.ts'
import type { CommandContext } from '../command-context.ts'

const EXIT_NOT_READY = 1
const EXIT_COULD_NOT_RUN = 2

interface Readiness {
  readonly checks?: readonly { readonly name: string; readonly ok: boolean; readonly detail?: string }[]
}

export function addStatusCommand(program: Command, context: CommandContext): void {
  program
    .command('status')
    .description('show the running companion; exit code 0 ready, 1 not ready, 2 none runs')
    .option('--state-dir <folder>', 'state folder of the companion')
    .option('--json', 'print JSON')
    .action(async (options: { stateDir?: string; json?: boolean }) => {
      const { socketPath } = stateFolderPaths(options.stateDir ?? defaultStateDir(context.environment, process.getuid?.()))
      try {
        const status = await askCompanion(socketPath, '/api/v1/status')
        const ready = await askCompanion(socketPath, '/readyz')
        const whole = { ready: ready.status === 200, ...(ready.body as Readiness), ...(status.body as object) }
        context.stdout(options.json === true ? JSON.stringify(whole, undefined, 2) : describeStatus(whole))
        context.setExit(whole.ready ? 0 : EXIT_NOT_READY)
      } catch {
        context.stderr(`no companion answers at ${socketPath}`)
        context.setExit(EXIT_COULD_NOT_RUN)
      }
    })
}

function describeStatus(status: Record<string, unknown>): string {
  return Object.entries(status)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('\n')
}
