/** Every setting as a flag of every command, so that they all see the same configuration; help shows the usual ones. */
import { Option, type Command } from 'commander'

import { flagOf, KEY_NAMES, keyNamed, type KeyName } from '../kit/config/keys.ts'
import type { Invocation } from '../kit/config/load.ts'

const SHOWN: readonly KeyName[] = ['DATA_DIR']

/** Adds the flags; `shown` are those that the command's help tells of. */
export function addSettingFlags(command: Command, shown: readonly KeyName[] = SHOWN): void {
  command.option('--config <file>', 'settings to read; dunlin.conf when it is there')
  for (const name of KEY_NAMES) {
    const flag = new Option(`--${flagOf(name)} <value>`, keyNamed(name).about)
    command.addOption(shown.includes(name) ? flag : flag.hideHelp())
  }
}

/** Where the configuration of this run of a command comes from. */
export function invocationOf(command: Command, { env, cwd }: Pick<Invocation, 'env' | 'cwd'>): Invocation {
  const names = new Set(['config', ...KEY_NAMES.map(flagOf)])
  const flags: Record<string, string> = {}
  for (const option of command.options) {
    const name = option.long?.slice(2) ?? ''
    const value: unknown = command.getOptionValue(option.attributeName())
    if (names.has(name) && typeof value === 'string') flags[name] = value
  }
  return { flags, env, cwd }
}
