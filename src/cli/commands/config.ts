/** `chaperone config check|schema|explain|import`: looks at configuration files without running anything. */

import { readFileSync } from 'node:fs'

import type { Command } from 'commander'

import { explainConfig, formatProblem, importPipelock, isConfigErrors, jsonSchema, loadConfig, type Config, type ExplainedSetting } from '../../config/index.ts'
import type { CommandContext } from '../command-context.ts'

const EXIT_INVALID = 1
const EXIT_COULD_NOT_RUN = 2

export function addConfigCommand(program: Command, context: CommandContext): void {
  const config = program.command('config').description('check, explain and translate configuration files')
  config
    .command('check')
    .description('check a file; every fault with file, line and path')
    .argument('<file>')
    .action((file: string) => {
      const loaded = loadOrTell(file, context)
      if (loaded === undefined) return
      for (const warning of loaded.warnings) context.stdout(`warning: ${formatProblem(warning)}`)
      context.stdout(`${file}: valid`)
    })
  config
    .command('schema')
    .description('print the JSON Schema of the file')
    .action(() => {
      context.stdout(JSON.stringify(jsonSchema(), undefined, 2))
    })
  config
    .command('explain')
    .description('print every value in force, per profile, and where it comes from')
    .argument('[file]')
    .action((file: string | undefined) => {
      const loaded = loadOrTell(file, context)
      for (const setting of loaded === undefined ? [] : explainConfig(loaded)) context.stdout(describeSetting(setting))
    })
  config
    .command('import')
    .description('translate a Pipelock configuration; the result goes to standard output, every change to standard error; 1 where something is lost or would not load')
    .argument('<file>')
    .action((file: string) => {
      translate(file, context)
    })
}

function describeSetting({ key, value, origin, note }: ExplainedSetting): string {
  return `${key} = ${value}  (${origin.from}${origin.line === undefined ? '' : `, line ${origin.line}`})${note === undefined ? '' : `  [${note}]`}`
}

function loadOrTell(file: string | undefined, context: CommandContext): Config | undefined {
  const loaded = loadConfig(file, context.environment)
  if (!isConfigErrors(loaded)) return loaded
  for (const problem of loaded.problems) context.stderr(formatProblem(problem))
  context.setExit(EXIT_INVALID)
  return undefined
}

function translate(file: string, context: CommandContext): void {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    context.stderr(`${file}: cannot be read`)
    context.setExit(EXIT_COULD_NOT_RUN)
    return
  }
  const imported = importPipelock(text, file)
  for (const change of imported.changes) context.stderr(change)
  if (imported.text !== '') context.stdout(imported.text)
  const open = [...imported.losses, ...(imported.text === '' ? [] : imported.problems.map(formatProblem))]
  for (const line of open) context.stderr(`decide: ${line}`)
  if (open.length > 0 || imported.problems.length > 0) context.setExit(EXIT_INVALID)
}
