/** The `dunlin` command. Exit codes: 0 done, 1 it failed, 2 it was asked for wrongly. */
import { readFileSync } from 'node:fs'

import { Command, CommanderError } from 'commander'

import type { Invocation } from '../kit/config/load.ts'
import { accountsCommands } from './accounts-commands.ts'
import { defineCommand, EXIT, type Shell } from './command.ts'
import { configCommands } from './config-commands.ts'
import { indexCommand } from './index-command.ts'
import { lifeCommand } from './life-command.ts'
import { psCommand } from './ps-command.ts'
import { pushCommands } from './push-commands.ts'
import { searchCommand } from './search-command.ts'
import { seedCommand } from './seed-command.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { tokenCommands } from './token-commands.ts'
import { trendsCommands } from './trends-commands.ts'

/** What only whole systems do: given by whoever may wire them. */
export interface Systems {
  /** Serves until a signal ends it. */
  serve(invocation: Invocation): Promise<number>
}

/** Runs the command that `argv` (without the interpreter and the script) names. Returns its exit code. */
export async function runCli(
  argv: readonly string[],
  systems: Systems,
  terminal: Terminal = processTerminal(),
): Promise<number> {
  const shell: Shell = { terminal, exitCode: EXIT.done }
  const program = dunlin(shell, systems)
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return shell.exitCode
  } catch (error) {
    // Commander has told it by now; help and version are no faults.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    throw error
  }
}

function dunlin(shell: Shell, systems: Systems): Command {
  const { terminal } = shell
  const program = new Command('dunlin')
    .description('A self-hosted microblogging server that speaks the Mastodon client API.')
    .version(version())
    .addHelpText('after', '\nEvery setting of `dunlin config show --origin` is a flag of every command as well.')
    // What follows is inherited by the subcommands, which are made after it.
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .showHelpAfterError('(add --help for what there is)')
  defineCommand(
    shell,
    program.command('serve').description('run the server, until it is interrupted'),
    ({ invocation }) => systems.serve(invocation),
    ['PORT', 'BIND', 'DATA_DIR', 'LOCAL_DOMAIN', 'DATABASE_URL'],
  )
  accountsCommands(program, shell)
  tokenCommands(program, shell)
  pushCommands(program, shell)
  configCommands(program, shell)
  psCommand(program, shell)
  lifeCommand(program, shell)
  searchCommand(program, shell)
  indexCommand(program, shell)
  trendsCommands(program, shell)
  seedCommand(program, shell)
  return program
}

function version(): string {
  const description: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const isDescribed = typeof description === 'object' && description !== null && 'version' in description
  return isDescribed ? String(description.version) : '0'
}
