/** How every command is made: the same flags, answers as text or JSON, errors that say what to do. */
import { resolve } from 'node:path'

import type { Command } from 'commander'

import type { KeyName } from '../kit/config/keys.ts'
import { loadConfig, reportConfig, type Invocation, type LoadedConfig } from '../kit/config/load.ts'
import { AppError } from '../kit/errors.ts'
import { addSettingFlags, invocationOf } from './settings-flags.ts'
import { json, UsageError, type Terminal } from './terminal.ts'

/** One run of a command. */
export interface Run {
  readonly terminal: Terminal
  readonly invocation: Invocation
  readonly isJson: boolean
  /** The command's own flags, by their names in camel case. */
  readonly flags: Readonly<Record<string, unknown>>
  /** Says it as JSON with `--json`, else in words. */
  answer(value: object, words: () => string): void
}

export type Act = (run: Run, words: readonly string[]) => Promise<number | void>

/** Exit codes: 0 done, 1 it failed, 2 it was asked for wrongly. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const

/** What the commands share while one of them runs. */
export interface Shell {
  readonly terminal: Terminal
  exitCode: number
}

/** `act` gets the arguments as words, in the order in which the command declares them. */
export function defineCommand(shell: Shell, command: Command, act: Act, shown?: readonly KeyName[]): void {
  command.option('--json', 'answer as JSON')
  addSettingFlags(command, shown)
  command.action(async () => {
    const flags = command.opts<Record<string, unknown>>()
    const isJson = flags['json'] === true
    const { terminal } = shell
    const run: Run = {
      terminal,
      invocation: invocationOf(command, terminal),
      isJson,
      flags,
      answer: (value, words) => terminal.out(isJson ? json(value) : words()),
    }
    try {
      shell.exitCode = (await act(run, wordsOf(command))) ?? EXIT.done
    } catch (error) {
      shell.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.failed
      terminal.err(isJson ? json(errorBody(error)) : errorText(error))
    }
  })
}

/** Those given; an optional one that is not comes to nothing. */
function wordsOf(command: Command): string[] {
  return command.processedArgs.flat().filter((word): word is string => typeof word === 'string')
}

/** The configuration, with its warnings told; wrong ones are a wrong use of the command. */
export async function configurationOf(run: Run): Promise<LoadedConfig> {
  const loaded = await loadConfig(run.invocation).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'invalid') throw new UsageError(error.message)
    throw error
  })
  for (const warning of loaded.warnings) run.terminal.err(`dunlin: ${warning}`)
  return loaded
}

/** The data folder alone, absolute: for commands that ask a running server, and must not make anything. */
export function dataDirOf(run: Run): string {
  const { lines, problems } = reportConfig(run.invocation)
  if (problems.length > 0) throw new UsageError(`The configuration is wrong:\n${problems.join('\n')}`)
  const value = lines.find(({ name }) => name === 'DATA_DIR')?.value ?? ''
  return resolve(run.invocation.cwd, value)
}

export function textFlag(run: Run, name: string): string | undefined {
  const value = run.flags[name]
  return typeof value === 'string' ? value : undefined
}

function errorText(error: unknown): string {
  if (error instanceof AppError || error instanceof UsageError) return `dunlin: ${error.message}`
  const stack = error instanceof Error ? error.stack : String(error)
  return `dunlin: This should not happen; please report it with these lines.\n${stack}`
}

function errorBody(error: unknown): object {
  const message = error instanceof Error ? error.message : String(error)
  const details = error instanceof AppError ? error.details : undefined
  return { error: message, ...(details && { details }) }
}
