/**
 * How long the index takes to start with 5 M sealed statuses (`--quick`: 500,000) on disk: reading, checksums, authors.
 * Beside it the bare reading of the same files, which is as fast as it can be.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { DocumentSource } from '../src/earlybird/contract.ts'
import { type Earlybird, openEarlybird } from '../src/earlybird/open.ts'
import { systemClock } from '../src/kit/clock.ts'
import { silentLog } from '../src/kit/log.ts'
import { median, rounded, type BenchOptions, type BenchResult } from './report.ts'
import { SearchWorld } from './search-world.ts'

const BATCH = 500

/** Has nothing: whatever the index finds, it found on disk. */
const NO_SOURCE: DocumentSource = {
  documents: async () => [],
  idsBetween: async () => [],
  idsOf: async () => [],
  withoutConsent: async () => [],
}

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const statuses = quick ? 500_000 : 5_000_000
  const rounds = quick ? 3 : 5
  const folder = await mkdtemp(join(tmpdir(), 'dunlin-bench-'))
  await using resources = new AsyncDisposableStack()
  resources.defer(() => rm(folder, { recursive: true, force: true }))
  const buildMs = await build(folder, statuses)
  const load: number[] = []
  const read: number[] = []
  let state = { documents: 0, bytes: 0, segments: 0 }
  for (let round = 0; round < rounds; round++) {
    read.push(await readFiles(folder))
    const beginMs = performance.now()
    await using index = await open(folder)
    load.push(performance.now() - beginMs)
    const { documents, bytes, segments } = index.reader.state()
    state = { documents, bytes, segments: segments.length }
    await index.recovered
  }
  return {
    rows: [
      { measured: 'start with the index', ms: rounded(median(load)), worst: rounded(Math.max(...load)) },
      { measured: 'read its files only', ms: rounded(median(read)), worst: rounded(Math.max(...read)) },
      { measured: 'build and seal it', ms: rounded(buildMs), worst: rounded(buildMs) },
    ],
    summary: {
      bench: 'index-load',
      loadMs: rounded(median(load)),
      readMs: rounded(median(read)),
      ratio: rounded(median(load) / median(read)),
      statuses: state.documents,
      segments: state.segments,
      bytesPerStatus: Math.round(state.bytes / state.documents),
    },
  }
}

function open(folder: string): Promise<Earlybird> {
  return openEarlybird({ folder, source: NO_SOURCE, clock: systemClock, log: silentLog })
}

async function build(folder: string, statuses: number): Promise<number> {
  const world = new SearchWorld(statuses)
  const beginMs = performance.now()
  await using index = await open(folder)
  await index.recovered
  for (let n = 0; n < statuses; n += BATCH) {
    index.writer.add(Array.from({ length: Math.min(BATCH, statuses - n) }, (_, k) => world.documentAt(n + k)))
    await nextTurn()
  }
  return performance.now() - beginMs
}

async function readFiles(folder: string): Promise<number> {
  const beginMs = performance.now()
  for (const name of await readdir(folder)) await readFile(join(folder, name))
  return performance.now() - beginMs
}
