/** `chaperone start`: runs a companion until it is told to stop. */

import type { Command } from 'commander'

import { SYSTEM_CLOCK } from '../../base/clock.ts'
import { formatProblem, isConfigErrors, loadConfig, watchConfigFile, type Config, type ConfigErrors } from '../../config/index.ts'
import { startCompanion, type Companion } from '../../server.ts'
import { defaultStateDir, openStateFolder, StateFolderError, type StateFolder } from '../../state/index.ts'
import type { CommandContext } from '../command-context.ts'
import { VERSION } from '../version.ts'

interface StartOptions {
  readonly config?: string
  readonly stateDir?: string
}

const EXIT_COULD_NOT_RUN = 2
const EXIT_REFUSED = 1
/** A terminal, npm and the launcher each pass the same Ctrl-C on: what comes so soon is no second one. */
const SAME_SIGNAL_MS = 1000

export function addStartCommand(program: Command, context: CommandContext): void {
  program
    .command('start')
    .description('run a companion; without a configuration it serves agents on 127.0.0.1:8888')
    .option('-c, --config <file>', 'configuration file (see chaperone init)')
    .option('--state-dir <folder>', 'folder for keys, receipts, admin token and socket')
    .action(async (options: StartOptions) => {
      context.setExit(await start(options, context))
    })
}

async function start(options: StartOptions, context: CommandContext): Promise<number> {
  // Until the kill switch listens to it, Node would open its debugger on this signal.
  process.on('SIGUSR1', () => undefined)
  const config = loadConfig(options.config, context.environment)
  if (isConfigErrors(config)) {
    for (const problem of config.problems) context.stderr(formatProblem(problem))
    return EXIT_REFUSED
  }
  for (const warning of config.warnings) context.stderr(`warning: ${formatProblem(warning)}`)

  let folder: StateFolder | undefined
  try {
    folder = await openStateFolder(options.stateDir ?? defaultStateDir(context.environment, process.getuid?.()))
    const read = (): Config | ConfigErrors => loadConfig(options.config, context.environment)
    const companion = await startCompanion(config, folder, { version: VERSION, read })
    greet(companion, folder, config, context)
    await runUntilStopped(companion, options.config)
    await folder.release()
    return 0
  } catch (error) {
    await folder?.release()
    context.stderr(`chaperone: ${startFault(error)}`)
    return EXIT_COULD_NOT_RUN
  }
}

function greet(companion: Companion, folder: StateFolder, config: Config, { stderr }: CommandContext): void {
  for (const { address, port } of companion.listeners) {
    const host = address.slice(0, address.lastIndexOf(':'))
    stderr(`agents: http://${host}:${port} as proxy (http_proxy, https_proxy), or http://${host}:${port}/fetch?url=URL`)
  }
  stderr(`admin: http://127.0.0.1:${companion.adminPort} with the token in ${folder.tokenPath}`)
  stderr(`receipts: ${config.recorder.dir ?? folder.receiptsDir}`)
  stderr(`verify: chaperone verify ${config.recorder.dir ?? folder.receiptsDir} --key ${companion.publicKeyHex}`)
}

/** Signals: TERM and INT stop, HUP reloads and reopens the log, USR1 turns the kill switch round. */
function runUntilStopped(companion: Companion, configFile: string | undefined): Promise<void> {
  const watch = configFile === undefined ? undefined : watchConfigFile(configFile, () => companion.reload())
  return new Promise((resolve) => {
    let firstAtMs: number | undefined
    const stop = (signal: string): void => {
      const nowMs = SYSTEM_CLOCK.monotonicMs()
      firstAtMs ??= nowMs
      // The second signal does not wait for what is still open.
      if (nowMs - firstAtMs >= SAME_SIGNAL_MS) companion.abandon()
      watch?.close()
      void companion.stop(signal).then(resolve)
    }
    process.on('SIGTERM', () => { stop('SIGTERM') })
    process.on('SIGINT', () => { stop('SIGINT') })
    process.on('SIGHUP', () => {
      companion.reopenLog()
      companion.reload()
    })
    process.on('SIGUSR1', () => { companion.toggleKillSwitch() })
  })
}

function startFault(error: unknown): string {
  if (error instanceof StateFolderError) return error.message
  if (!(error instanceof Error)) return 'could not start'
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  if (code === 'EADDRINUSE') return `${address ?? ''}:${port ?? ''}: another process listens there already: choose another address (fetch_proxy.listen, admin.listen)`
  if (code === 'EACCES' && port !== undefined) return `${address ?? ''}:${port}: not permitted to listen there`
  return error.message
}
