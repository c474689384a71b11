/** `chaperone keygen`: makes a signing key, for `flight_recorder.signing_key_path` or to be kept elsewhere. */

import type { Command } from 'commander'

import { createKeyFiles, fingerprintOf } from '../../keys/index.ts'
import type { CommandContext } from '../command-context.ts'

const EXIT_COULD_NOT_RUN = 2

export function addKeygenCommand(program: Command, context: CommandContext): void {
  program
    .command('keygen')
    .description('make an Ed25519 signing key: FILE (mode 0600) and FILE.pub; an existing file is never replaced')
    .argument('<file>', 'path of the private key')
    .action(async (file: string) => {
      try {
        const { publicKey } = await createKeyFiles(file)
        context.stderr(`${file} written; the public key beside it is ${file}.pub, ${fingerprintOf(publicKey)}`)
        context.stdout(publicKey.toString('hex'))
      } catch (error) {
        context.stderr(`chaperone: ${error instanceof Error ? error.message : 'the key cannot be made'}`)
        context.setExit(EXIT_COULD_NOT_RUN)
      }
    })
}
