/** `dunlin config …`: what is set, where that comes from, and whether it is right. */
import type { Command } from 'commander'

import { KEY_NAMES } from '../kit/config/keys.ts'
import { reportConfig, type ConfigLine } from '../kit/config/load.ts'
import { defineCommand, EXIT, type Run, type Shell } from './command.ts'
import { table, UsageError } from './terminal.ts'

export function configCommands(program: Command, shell: Shell): void {
  const config = program.command('config').description('settings, from flags, environment and file')
  defineCommand(shell, config.command('check').description('tell every mistake in the settings'), check)
  defineCommand(
    shell,
    config
      .command('show [names...]')
      .description('show the settings in force; secrets are never shown')
      .option('--origin', 'where each comes from, and what it is for'),
    show,
  )
}

async function check(run: Run): Promise<number> {
  const { problems, warnings } = reportConfig(run.invocation)
  const isRight = problems.length === 0
  run.answer({ ok: isRight, problems, warnings }, () =>
    [
      ...problems.map((problem) => `wrong:   ${problem}`),
      ...warnings.map((warning) => `warning: ${warning}`),
      isRight ? 'The settings are right.' : 'The settings are wrong: put that right, and check again.',
    ].join('\n'),
  )
  return isRight ? EXIT.done : EXIT.failed
}

async function show(run: Run, names: readonly string[]): Promise<number> {
  const wanted = new Set(names.map((name) => name.toUpperCase().replaceAll('-', '_')))
  const known: ReadonlySet<string> = new Set(KEY_NAMES)
  const unknown = [...wanted].filter((name) => !known.has(name))
  if (unknown.length > 0)
    throw new UsageError(`${unknown.join(', ')}: no such setting. \`dunlin config show\` has them all.`)
  const { lines, problems } = reportConfig(run.invocation)
  const shown = lines.filter(({ name }) => wanted.size === 0 || wanted.has(name))
  run.answer(run.flags['origin'] === true ? shown : plain(shown), () =>
    run.flags['origin'] === true
      ? table(
          ['SETTING', 'VALUE', 'ORIGIN', 'ABOUT'],
          shown.map(({ name, value, origin, about }) => [name, value, origin, about]),
          run.terminal.columns,
        )
      : shown.map(({ name, value }) => `${name}=${value}`).join('\n'),
  )
  for (const problem of problems) run.terminal.err(`dunlin: ${problem}`)
  return problems.length === 0 ? EXIT.done : EXIT.failed
}

function plain(lines: readonly ConfigLine[]): Record<string, string> {
  return Object.fromEntries(lines.map(({ name, value }) => [name, value]))
}
