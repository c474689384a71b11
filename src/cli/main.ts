/** The command line: a table of commands. Each lives in a file of its own and returns its exit code. */

import { Command, CommanderError } from 'commander'

import { addBudgetsCommand } from './commands/budgets.ts'
import { addCheckCommand } from './commands/check.ts'
import { addConfigCommand } from './commands/config.ts'
import { addDemoCommand } from './commands/demo.ts'
import { addEnvelopeCommand } from './commands/envelope.ts'
import { addIdentityCommand } from './commands/identity.ts'
import { addInitCommand } from './commands/init.ts'
import { addKillSwitchCommand } from './commands/kill-switch.ts'
import { addKeygenCommand } from './commands/keygen.ts'
import { addStartCommand } from './commands/start.ts'
import { addStatusCommand } from './commands/status.ts'
import { addVerifyCommand } from './commands/verify.ts'
import { EXIT_USAGE, type CommandContext } from './command-context.ts'
import { VERSION } from './version.ts'

const COMMANDS = [addStartCommand, addInitCommand, addKeygenCommand, addVerifyCommand, addCheckCommand, addStatusCommand, addKillSwitchCommand, addBudgetsCommand, addConfigCommand, addIdentityCommand, addEnvelopeCommand, addDemoCommand]

/** @returns the exit code */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode = 0
  const context: CommandContext = {
    stdout: (text) => process.stdout.write(`${text}\n`),
    stderr: (text) => process.stderr.write(`${text}\n`),
    environment: process.env,
    setExit: (code) => {
      exitCode = code
    },
  }
  const program = createProgram(context)
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    const isAnswer = ['commander.help', 'commander.helpDisplayed', 'commander.version'].includes(error.code)
    return isAnswer && error.exitCode === 0 ? 0 : EXIT_USAGE
  }
  return exitCode
}

/** @returns the tree of commands, which throws CommanderError instead of ending the process; docs/reference/cli.md is made of it */
export function createProgram(context: CommandContext): Command {
  const program = new Command('chaperone')
    .description('The companion proxy between AI agents and everything they talk to.')
    .version(VERSION, '--version', 'print the version')
    .exitOverride()
    .showHelpAfterError('(see chaperone --help)')
  for (const add of COMMANDS) add(program, context)
  for (const command of everyCommand(program)) command.exitOverride()
  return program
}

function everyCommand(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...everyCommand(child)])
}
