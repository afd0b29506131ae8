/**
 * Ids per second of one generator, as decimal strings on the real clock, against the format's ceiling of 4,096 in each
 * millisecond; and whether any id came twice.
 *
 * Every text of the timed rounds is compared with the one before it (which also makes it a flat string, as sending it
 * would): ids of equal length that rise as texts rise as numbers, so none is twice. Then threads mint at the same time on
 * worker numbers of their own, as texts and as bigints in turn, and all their ids are sorted together and compared.
 *
 * The figure is that of the best round: a millisecond in which another program had the core is lost for good, and the
 * median, which is told as well, falls with the load of the machine.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

import { systemClock, systemSteadyClock } from '../src/kit/clock.ts'
import { IDS_PER_MS, snowflakes } from '../src/snowflake/generator.ts'
import { median, rounded } from './report.ts'
import type { BenchOptions, BenchResult } from './report.ts'

/** Ids between two looks at the time. */
const BATCH_IDS = 1024
const THREADS = 4

interface Round {
  ids: number
  /** Milliseconds of the clock that were begun: each has room for 4,096 ids, so a round cannot exceed the ceiling. */
  begunMs: number
  notRising: number
}

function mintFor(durationMs: number, worker: number): Round {
  const generator = snowflakes({ worker, clock: systemClock, steady: systemSteadyClock, lastMs: 0 })
  let previous = generator.nextText()
  const firstMs = generator.lastMs()
  let notRising = 0
  let ids = 1
  while (generator.lastMs() - firstMs < durationMs) {
    for (let count = 0; count < BATCH_IDS; count++) {
      const text = generator.nextText()
      if (text <= previous || text.length !== previous.length) notRising++
      previous = text
    }
    ids += BATCH_IDS
  }
  return { ids, begunMs: generator.lastMs() - firstMs + 1, notRising }
}

interface MintRequest {
  worker: number
  count: number
}

function mintInThread(): void {
  const { worker, count }: MintRequest = workerData
  const generator = snowflakes({ worker, clock: systemClock, steady: systemSteadyClock, lastMs: 0 })
  const ids = new BigUint64Array(count)
  for (let index = 0; index < count; index++) {
    ids[index] = index % 2 === 0 ? BigInt(generator.nextText()) : generator.next()
  }
  parentPort?.postMessage(ids, [ids.buffer])
}

function idsOfThread(request: MintRequest): Promise<BigUint64Array> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL(import.meta.url), { workerData: request })
    thread.once('message', resolve)
    thread.once('error', reject)
  })
}

/** Ids that occur more than once among those of several workers minting at the same time. */
async function duplicatesAmongThreads(count: number): Promise<number> {
  const perThread = await Promise.all(Array.from({ length: THREADS }, (_, worker) => idsOfThread({ worker, count })))
  const all = new BigUint64Array(count * THREADS)
  perThread.forEach((ids, thread) => all.set(ids, thread * count))
  all.sort()
  let duplicates = 0
  for (let index = 1; index < all.length; index++) if (all[index] === all[index - 1]) duplicates++
  return duplicates
}

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const roundMs = quick ? 250 : 1000
  const rounds = quick ? 8 : 9
  const threadIds = quick ? 250_000 : 2_000_000
  mintFor(roundMs / 3, 0) // compiles

  const results = Array.from({ length: rounds }, () => mintFor(roundMs, 0))
  const rates = results.map(({ ids, begunMs }) => (ids / begunMs) * 1000)
  const ceiling = IDS_PER_MS * 1000
  const best = Math.max(...rates)
  const notRising = results.reduce((sum, round) => sum + round.notRising, 0)
  const duplicates = notRising + (await duplicatesAmongThreads(threadIds))

  return {
    rows: [
      ...results.map(({ ids }, index) => ({
        measured: `round ${index + 1}`,
        ids,
        'ids/s': Math.round(rates[index] ?? 0),
        'of ceiling': rounded((rates[index] ?? 0) / ceiling),
      })),
      { measured: 'best', ids: null, 'ids/s': Math.round(best), 'of ceiling': rounded(best / ceiling) },
      {
        measured: 'median',
        ids: null,
        'ids/s': Math.round(median(rates)),
        'of ceiling': rounded(median(rates) / ceiling),
      },
      { measured: `${THREADS} threads, for duplicates`, ids: threadIds * THREADS, 'ids/s': null, 'of ceiling': null },
    ],
    summary: {
      bench: 'snowflake',
      idsPerSecond: Math.round(best),
      ceilingRatio: rounded(best / ceiling),
      medianCeilingRatio: rounded(median(rates) / ceiling),
      duplicates,
    },
  }
}

if (!isMainThread) mintInThread()
