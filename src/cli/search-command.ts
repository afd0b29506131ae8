/** `dunlin search QUERY`: what somebody finds, asked of the running server, and how it was found. */
import type { Command } from 'commander'

import { AppError } from '../kit/errors.ts'
import { askAdmin, readRunFile } from './admin-client.ts'
import { dataDirOf, defineCommand, textFlag, type Run, type Shell } from './command.ts'
import { grouped } from './progress-bar.ts'
import { table, UsageError } from './terminal.ts'

const TEXT_CHARACTERS_SHOWN = 60

export function searchCommand(program: Command, shell: Shell): void {
  defineCommand(
    shell,
    program
      .command('search <query>')
      .description('search statuses as people do, and see how they were found')
      .option('--as <name>', 'what this person finds; without it, what everybody finds')
      .option('--explain', 'which parts of the index were asked, what they walked, and how long it took')
      .option('--order <order>', 'newest or relevance', 'newest')
      .option('--limit <number>', 'at most so many, up to 40', '20'),
    search,
  )
}

interface Found {
  statuses: { id: string; account: string; createdAtMs: number; visibility: string; text: string }[]
  partial: string[]
  notes: string[]
  explain: {
    part: string
    segments: number
    segmentsTotal: number
    documents: number
    postings: number
    candidates: number
    microseconds: number
    terms: { term: string; documents: number }[]
  }[]
}

async function search(run: Run, [query = '']: readonly string[]): Promise<void> {
  const order = textFlag(run, 'order') ?? 'newest'
  if (order !== 'newest' && order !== 'relevance') throw new UsageError('--order is newest or relevance.')
  const limit = Number(textFlag(run, 'limit'))
  if (!Number.isInteger(limit) || limit < 1 || limit > 40) throw new UsageError('--limit is a number from 1 to 40.')
  const name = textFlag(run, 'as')
  const asked = new URLSearchParams({ q: query, order, limit: String(limit), ...(name !== undefined && { as: name }) })
  const found = await askAdmin(await readRunFile(dataDirOf(run)), `/search?${asked.toString()}`)
  if (found === undefined) throw new AppError('not_found', `There is nobody called ${name}.`)
  const result = found as Found // written by our own server
  run.answer(result, () => drawing(result, run.flags['explain'] === true, run.terminal.columns))
}

function drawing(found: Found, explains: boolean, columns: number): string {
  const rows = found.statuses.map(({ id, account, createdAtMs, visibility, text }) => [
    id,
    `@${account}`,
    new Date(createdAtMs).toISOString().slice(0, 16).replace('T', ' '),
    visibility,
    [...text.replaceAll(/\s+/g, ' ')].slice(0, TEXT_CHARACTERS_SHOWN).join(''),
  ])
  return [
    rows.length === 0 ? 'Nothing was found.' : table(['ID', 'BY', 'WRITTEN', 'VISIBILITY', 'TEXT'], rows, columns),
    ...found.notes.map((note) => `Note: ${note}`),
    ...(found.partial.length === 0 ? [] : [`Hits may be missing: ${found.partial.join(', ')}.`]),
    ...(explains ? found.explain.map(explanation) : []),
  ].join('\n')
}

function explanation(one: Found['explain'][number]): string {
  const terms = one.terms.map(({ term, documents }) => `${term} (${grouped(documents)})`)
  return [
    `${one.part}: ${one.segments} of ${one.segmentsTotal} segments, ${grouped(one.documents)} statuses,`,
    `${grouped(one.postings)} postings walked, ${grouped(one.candidates)} candidates, ${grouped(one.microseconds)} µs`,
    ...(terms.length === 0 ? [] : [`\n  ${terms.join(', ')}`]),
  ].join(' ')
}
