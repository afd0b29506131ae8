/** Reads again from the source what a start did not find on disk: newest first, in small batches, in between other work. */
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import { EPOCH_MS, firstIdAt, ID_MAX, type StatusId } from '../snowflake/contract.ts'
import type { DocumentSource } from './contract.ts'
import type { DurableIndex } from './durable-index.ts'
import type { IdRange } from './segment-files.ts'

const BATCH = 250
const RETRY_MS = 1_000
/** A range is gone through in windows of this many milliseconds, the newest first. */
const WINDOW_MS = 30 * 86_400_000
/** Ids of clocks that are ahead. */
const AHEAD_MS = 86_400_000

export const EVERYTHING: IdRange = { after: '0', until: String(ID_MAX) }

export interface RecoveryDeps {
  index: DurableIndex
  source: DocumentSource
  clock: Clock
  log: Log
  /** Told how many of what was missing have been read. */
  read: (documents: number) => void
}

/** Resolves when everything has been read, or when `signal` is aborted. Tries again for as long as the source fails. */
export async function recover(
  deps: RecoveryDeps,
  ids: ReadonlySet<StatusId>,
  ranges: readonly IdRange[],
  signal: AbortSignal,
): Promise<void> {
  const persist = async (act: () => Promise<void>): Promise<void> => {
    while (!signal.aborted) {
      try {
        return await act()
      } catch (error) {
        deps.log.warn({ event: 'earlybird.recovery_failed', err: error })
        await deps.clock.sleep(RETRY_MS, signal)
      }
    }
  }
  const newestFirst = [...ids].toSorted((a, b) => (a < b ? 1 : a > b ? -1 : 0))
  for (let at = 0; at < newestFirst.length; at += BATCH) {
    await persist(() => readBatch(deps, newestFirst.slice(at, at + BATCH)))
  }
  for (const range of ranges) {
    for (const window of windowsOf(range, deps.clock.nowMs())) await persist(() => readWindow(deps, window, signal))
  }
  if (!signal.aborted) await persist(() => deps.index.recovered())
}

interface Window {
  after: StatusId
  until: StatusId
}

function* windowsOf(range: IdRange, nowMs: number): Generator<Window> {
  const span = firstIdAt(EPOCH_MS + WINDOW_MS)
  const after = BigInt(range.after)
  const newest = firstIdAt(nowMs + AHEAD_MS)
  let until = BigInt(range.until)
  if (until > newest) {
    // There may be nothing up there, but whatever there is, is found.
    yield { after: newest as StatusId, until: until as StatusId }
    until = newest
  }
  while (until > after) {
    const lower = until - span > after ? until - span : after
    yield { after: lower as StatusId, until: until as StatusId }
    until = lower
  }
}

async function readWindow(deps: RecoveryDeps, { after, until }: Window, signal: AbortSignal): Promise<void> {
  for (let cursor = after; !signal.aborted;) {
    const ids = await deps.source.idsBetween(cursor, until, BATCH)
    const last = ids.at(-1)
    if (last === undefined) return
    const absent = ids.filter((id) => !deps.index.core.has(id))
    if (absent.length > 0) await readBatch(deps, absent)
    cursor = last
  }
}

async function readBatch({ index, source, read }: RecoveryDeps, ids: readonly StatusId[]): Promise<void> {
  await index.readAgain(ids, () => source.documents(ids))
  read(ids.length)
  await nextTurn()
}
