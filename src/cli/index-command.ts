/** `dunlin index status | verify | rebuild`: the search index of the running server. */
import type { Command } from 'commander'

import type { IndexRun } from '../ingester/contract.ts'
import { systemClock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import { askAdmin, readRunFile, tellAdmin, type RunFile } from './admin-client.ts'
import { dataDirOf, defineCommand, EXIT, type Run, type Shell } from './command.ts'
import { grouped, progressBar } from './progress-bar.ts'
import { table } from './terminal.ts'

const POLL_MS = 200
const MIB = 1024 * 1024

interface Status {
  documents: number
  bytes: number
  bytesPerDocument: number
  missing: number
  statuses: number
  segments: { name: string; sealed: boolean; documents: number; deleted: number; terms: number; bytes: number }[]
  run: IndexRun | null
}

export function indexCommand(program: Command, shell: Shell): void {
  const group = program.command('index').description('look after the search index')
  defineCommand(shell, group.command('status').description('its segments, size, and what is still to be read'), status)
  const verify = group.command('verify').description('hold every status of the index against the database')
  defineCommand(shell, verify, (run) => walk(run, 'verify'))
  const rebuild = group.command('rebuild').description('write every status into the index anew, while it is in use')
  defineCommand(shell, rebuild, (run) => walk(run, 'rebuild'))
}

async function status(run: Run): Promise<void> {
  const found = await read(await readRunFile(dataDirOf(run)))
  run.answer(found, () => drawing(found))
}

/** Exit code 1 when the index is not what the database says. */
async function walk(run: Run, kind: IndexRun['kind']): Promise<number> {
  const file = await readRunFile(dataDirOf(run))
  const answer = await tellAdmin(file, `/index/${kind}`)
  const isStarted = typeof answer === 'object' && answer !== null && 'started' in answer && answer.started === true
  if (!isStarted) throw new AppError('conflict', 'The index is being walked already: try again when that has ended.')
  const progress = progressBar(run.terminal, () => systemClock.nowMs())
  for (;;) {
    const { run: now, statuses } = await read(file)
    if (now === null || now.kind !== kind) throw new AppError('unavailable', 'The server was restarted meanwhile.')
    const total = now.isDone ? now.checked : Math.max(statuses, now.checked + 1)
    if (!run.isJson) progress(kind, now.checked, total)
    if (now.isDone) {
      if (now.error !== null) throw new AppError('unavailable', `It ended early: ${now.error}`)
      run.answer(now, () => verdict(now))
      return kind === 'rebuild' || now.missing + now.surplus === 0 ? EXIT.done : EXIT.failed
    }
    await systemClock.sleep(POLL_MS)
  }
}

async function read(file: RunFile): Promise<Status> {
  const found = await askAdmin(file, '/index')
  if (found === undefined) throw new AppError('unavailable', 'The server has no search index: restart it.')
  return found as Status // written by our own server
}

function verdict({ kind, checked, missing, surplus }: IndexRun): string {
  const found = `${grouped(checked)} statuses: ${grouped(missing)} were missing, ${grouped(surplus)} should not have been there.`
  if (kind === 'rebuild') return `Rebuilt ${found}`
  return missing + surplus === 0
    ? `The index is right: ${grouped(checked)} statuses.`
    : `${found} \`dunlin index rebuild\` puts that right.`
}

function drawing({ documents, bytes, bytesPerDocument, missing, segments }: Status): string {
  const rows = segments.map((segment) => [
    segment.name,
    segment.sealed ? 'sealed' : 'live',
    String(segment.documents),
    String(segment.deleted),
    String(segment.terms),
    (segment.bytes / MIB).toFixed(1),
  ])
  const rest = missing === 0 ? 'It is whole.' : `${grouped(missing)} are still to be read again.`
  return [
    `${grouped(documents)} statuses in ${(bytes / MIB).toFixed(1)} MiB, ${bytesPerDocument.toFixed(0)} bytes each. ${rest}`,
    table(['SEGMENT', 'STATE', 'STATUSES', 'DELETED', 'TERMS', 'MIB'], rows),
  ].join('\n')
}
