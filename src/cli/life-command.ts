/** `dunlin life ID`: what became of a status, step by step, as the running server remembers it. */
import type { Command } from 'commander'

import { AppError } from '../kit/errors.ts'
import { parseId } from '../snowflake/contract.ts'
import { askAdmin, readRunFile } from './admin-client.ts'
import { dataDirOf, defineCommand, type Run, type Shell } from './command.ts'
import { table, UsageError } from './terminal.ts'

/** The steps in their order, by the names of `StatusLife`. */
const STEPS = [
  ['acceptedAtMs', 'accepted'],
  ['committedAtMs', 'committed'],
  ['relayedAtMs', 'relayed'],
  ['fannedOutAtMs', 'fanned out'],
] as const

export function lifeCommand(program: Command, shell: Shell): void {
  defineCommand(
    shell,
    program.command('life <id>').description('show what became of a status: accepted, committed, relayed, fanned out'),
    life,
  )
}

async function life(run: Run, [named = '']: readonly string[]): Promise<void> {
  // The end of a link to the status does as well.
  const id = parseId(named.slice(named.lastIndexOf('/') + 1))
  if (id === undefined) throw new UsageError(`${named} is no id of a status: it is the number at the end of its link.`)
  const found = await askAdmin(await readRunFile(dataDirOf(run)), `/life/${id}`)
  if (!isRecord(found)) {
    throw new AppError(
      'not_found',
      `The server remembers nothing of status ${id}: it knows only recent ones that came since it started.`,
    )
  }
  run.answer(found, () => drawing(id, found))
}

function drawing(id: bigint, found: Readonly<Record<string, unknown>>): string {
  const times = STEPS.map(([field, name]) => ({ name, atMs: numberOf(found[field]) }))
  const firstMs = times.find(({ atMs }) => atMs !== undefined)?.atMs ?? 0
  const rows = times.map(({ name, atMs }) =>
    atMs === undefined ? [name, 'not yet', ''] : [name, new Date(atMs).toISOString(), `+${atMs - firstMs} ms`],
  )
  const merged = found['mergedAtRead'] === true
  const shards = Array.isArray(found['shards']) ? found['shards'].map(String).join(', ') : ''
  const delivery = merged
    ? 'The author has so many followers that readers merge the status themselves.'
    : `Delivered to ${numberOf(found['delivered']) ?? 0} present timelines of ${numberOf(found['followers']) ?? 0} followers.`
  return [
    `Status ${id} by account ${String(found['author'])}`,
    table(['STEP', 'TIME', 'SINCE THE FIRST'], rows),
    delivery,
    ...(shards === '' ? [] : [`Shards: ${shards}`]),
  ].join('\n')
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
