/** `dunlin trends …`: what many people talk about now, and a moderator's word on it. */
import type { Command } from 'commander'

import type { TrendKind } from '../discovery/contract.ts'
import { KINDS, rankedSubjects, writeReview } from '../discovery/trend-rows.ts'
import { parseHashtag } from '../text/entities.ts'
import { defineCommand, type Run, type Shell } from './command.ts'
import { openWorld } from './open.ts'
import { table, UsageError } from './terminal.ts'

const SHOWN_MAX = 50
const WORDS: Readonly<Record<string, boolean | null>> = { allow: true, refuse: false, undecided: null }

export function trendsCommands(program: Command, shell: Shell): void {
  const group = program.command('trends').description('what trends, and what may not')
  const list = group.command('list').description(`the first ${SHOWN_MAX} of each kind, refused ones left out`)
  defineCommand(shell, list, listTrends)
  const review = group
    .command('review <kind> <subject> <word>')
    .description('kind: tag, link or status; word: allow, refuse or undecided')
  defineCommand(shell, review, reviewTrend)
}

async function listTrends(run: Run): Promise<void> {
  await using world = await openWorld(run)
  const reviewed = world.config.trends === 'reviewed'
  const stretch = { limit: SHOWN_MAX, offset: 0 }
  const found = await Promise.all(
    KINDS.map(async (kind) => [kind, await rankedSubjects(world.database, kind, stretch, reviewed)] as const),
  )
  const rows = found.flatMap(([kind, subjects]) => subjects.map((subject) => [kind, subject]))
  run.answer(Object.fromEntries(found), () =>
    rows.length === 0 ? 'Nothing trends now.' : table(['KIND', 'WHAT'], rows),
  )
}

async function reviewTrend(run: Run, [named = '', typed = '', word = '']: readonly string[]): Promise<void> {
  const kind = KINDS.find((known) => known === named)
  if (kind === undefined) throw new UsageError(`${named} is no kind: it is ${KINDS.join(', ')}.`)
  const allowed = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined
  if (allowed === undefined) throw new UsageError(`${word} is no word on it: it is ${Object.keys(WORDS).join(', ')}.`)
  const subject = subjectOf(kind, typed)
  await using world = await openWorld(run)
  await writeReview(world.database, kind, subject, allowed)
  const told = allowed === null ? 'is undecided again' : allowed ? 'may trend' : 'does not trend any more'
  run.answer({ kind, subject, allowed }, () => `${kind} ${subject} ${told}.`)
}

function subjectOf(kind: TrendKind, typed: string): string {
  if (kind === 'link') return typed
  const subject = kind === 'tag' ? parseHashtag(typed) : /^[1-9]\d{0,18}$/.exec(typed)?.[0]
  if (subject === undefined || subject === '')
    throw new UsageError(`${typed} is no ${kind === 'tag' ? 'hashtag' : 'id'}.`)
  return subject
}
