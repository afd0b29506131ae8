/**
 * Holds the index against the source, or reads it again as a whole, while both are in use: a run at a time, a batch at a time.
 * A status that is written while its batch is looked at may look wrong for a moment, so what looks wrong is looked at again.
 */
import type { DocumentSource, EarlybirdReader, EarlybirdWriter } from '../earlybird/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import { ID_MAX, type StatusId } from '../snowflake/contract.ts'
import type { IndexRun } from './contract.ts'

/** No more than one search can give. */
const BATCH = 200
const SECOND_LOOK_MS = 500
const SEARCH_MS_MAX = 2_000
const AFTER_ALL = ID_MAX as StatusId // a cursor

export interface UpkeepDeps {
  source: DocumentSource
  reader: Pick<EarlybirdReader, 'search'>
  writer: EarlybirdWriter
  clock: Clock
  log: Log
}

export class IndexUpkeep implements AsyncDisposable {
  readonly #deps: UpkeepDeps
  readonly #stop = new AbortController()
  #run: IndexRun | undefined
  #running: Promise<void> | undefined

  constructor(deps: UpkeepDeps) {
    this.#deps = deps
  }

  /** The run under way or the last one; undefined when there was none. */
  get state(): IndexRun | undefined {
    return this.#run
  }

  /** False while another one is under way. */
  start(kind: IndexRun['kind']): boolean {
    if (this.#run?.isDone === false) return false
    const run: IndexRun = { kind, isDone: false, checked: 0, missing: 0, surplus: 0, error: null }
    this.#run = run
    this.#running = this.#walk(run)
      .catch((error: unknown) => {
        this.#deps.log.warn({ event: 'ingester.upkeep_failed', kind, err: error })
        run.error = error instanceof Error ? error.message : String(error)
      })
      .finally(() => {
        run.isDone = true
      })
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #walk(run: IndexRun): Promise<void> {
    let after = 0n as StatusId // before all
    while (!this.#stop.signal.aborted) {
      const { ids, surplus, missing, end } = await this.#compare(after, true)
      run.checked += ids.length
      run.missing += missing.length
      run.surplus += surplus.length
      if (run.kind === 'rebuild') await this.#repair(ids, surplus)
      if (end === undefined) return
      after = end
    }
  }

  /** One batch: what the source has after `after`, and what the index has there. `end` undefined: that was the last. */
  async #compare(
    after: StatusId,
    mayLookAgain: boolean,
  ): Promise<{ ids: StatusId[]; missing: StatusId[]; surplus: StatusId[]; end: StatusId | undefined }> {
    const { source, clock } = this.#deps
    const named = await source.idsBetween(after, AFTER_ALL, BATCH)
    // Of some no document is made: their author is suspended.
    const ids = (await source.documents(named)).map(({ id }) => id)
    const end = named.length < BATCH ? undefined : named.at(-1)
    const indexed = await this.#indexed(after, end)
    const wanted = new Set(ids)
    const missing = ids.filter((id) => !indexed.has(id))
    const surplus = [...indexed].filter((id) => !wanted.has(id))
    if (!mayLookAgain || missing.length + surplus.length === 0) return { ids, missing, surplus, end }
    await clock.sleep(SECOND_LOOK_MS, this.#stop.signal)
    const again = await this.#compare(after, false)
    // What came or went in between is no fault.
    const [before, gone] = [new Set(missing), new Set(surplus)]
    return {
      ...again,
      missing: again.missing.filter((id) => before.has(id)),
      surplus: again.surplus.filter((id) => gone.has(id)),
    }
  }

  /** The index' ids after `after`, up to `end` or to the last. */
  async #indexed(after: StatusId, end: StatusId | undefined): Promise<Set<StatusId>> {
    const found = new Set<StatusId>()
    let maxId = end === undefined ? undefined : ((end + 1n) as StatusId)
    for (;;) {
      const options = { order: 'newest' as const, limit: BATCH, maxId, minId: after, deadlineMs: SEARCH_MS_MAX }
      const { hits } = await this.#deps.reader.search({ kind: 'all' }, options)
      for (const { id } of hits) found.add(id)
      const last = hits.at(-1)
      if (last === undefined || hits.length < BATCH || this.#stop.signal.aborted) return found
      maxId = last.id
    }
  }

  async #repair(ids: readonly StatusId[], surplus: readonly StatusId[]): Promise<void> {
    const { source, writer } = this.#deps
    const documents = await source.documents(ids)
    const found = new Set(documents.map(({ id }) => id))
    for (const id of [...surplus, ...ids]) if (!found.has(id)) writer.remove(id)
    writer.add(documents)
    await writer.settled()
  }
}
