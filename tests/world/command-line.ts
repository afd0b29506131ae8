/** The `dunlin` command without a process of its own: arguments and standard input in, outputs and exit code out. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { runCli, type Systems } from '../../src/cli/main.ts'

export interface Spoken {
  code: number
  out: string
  err: string
}

export interface Surroundings {
  env?: Record<string, string>
  /** Where the data folder is, if nothing else is said; one that goes away afterwards by default. */
  cwd?: string
  /** Standard input. */
  input?: string
  systems?: Partial<Systems>
}

export async function dunlin(argv: readonly string[], surroundings: Surroundings = {}): Promise<Spoken> {
  if (surroundings.cwd !== undefined) return speak(argv, surroundings.cwd, surroundings)
  const folder = await mkdtemp(join(tmpdir(), 'dunlin-command-'))
  try {
    return await speak(argv, folder, surroundings)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function speak(argv: readonly string[], cwd: string, surroundings: Surroundings): Promise<Spoken> {
  const { env = {}, input = '', systems = {} } = surroundings
  const out: string[] = []
  const err: string[] = []
  const code = await runCli(
    argv,
    { serve: async () => 0, ...systems },
    {
      out: (text) => out.push(text),
      err: (text) => err.push(text),
      firstLine: async () => input.split('\n')[0] ?? '',
      isClosed: () => false,
      isInteractive: false,
      columns: Infinity,
      env,
      cwd,
    },
  )
  return { code, out: out.join('\n'), err: err.join('\n') }
}
