/** `chaperone init`: writes a commented configuration file to begin with. */

import { writeFileSync } from 'node:fs'

import type { Command } from 'commander'

import { initialConfigText } from '../../config/index.ts'
import type { CommandContext } from '../command-context.ts'

const EXIT_COULD_NOT_RUN = 2

export function addInitCommand(program: Command, context: CommandContext): void {
  program
    .command('init')
    .description('write a commented configuration file')
    .argument('[file]', 'where to', 'chaperone.yaml')
    .option('--force', 'replace the file where it exists')
    .action((file: string, options: { force?: boolean }) => {
      try {
        writeFileSync(file, initialConfigText(), { flag: options.force === true ? 'w' : 'wx' })
      } catch (error) {
        const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST'
        context.stderr(exists ? `${file}: exists already: give another name, or --force` : `${file}: cannot be written`)
        context.setExit(EXIT_COULD_NOT_RUN)
        return
      }
      context.stdout(`${file} written: edit it, then run: chaperone start --config ${file}`)
    })
}
