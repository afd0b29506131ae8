/** Opens the index: sealed segments from disk, the rest from the source while it already answers. */
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { DocumentSource, EarlybirdReader, EarlybirdWriter } from './contract.ts'
import { DurableIndex } from './durable-index.ts'
import { Journal, readJournals } from './journal.ts'
import { type IndexMemory, IndexReader, type IndexView, memoryOf } from './reader.ts'
import { EVERYTHING, recover } from './recovery.ts'
import type { SealedSegment } from './sealed-segment.ts'
import { type IdRange, type Manifest, SegmentFiles } from './segment-files.ts'

export interface EarlybirdOptions {
  /** Belongs to this index alone; made if it is not there. */
  folder: string
  source: DocumentSource
  clock: Clock
  log: Log
  /** Documents of a segment when it is sealed; LIVE_DOCUMENTS_MAX if not given. */
  segmentDocuments?: number
}

export interface Earlybird extends AsyncDisposable {
  writer: EarlybirdWriter
  reader: EarlybirdReader
  /** For `RemoteIndex` in other threads: called with what there is now, and whenever that is other memory. */
  share(take: (memory: IndexMemory) => void): Disposable
  /** Resolves when everything that was missing has been read again. */
  recovered: Promise<void>
}

/** Throws `unavailable` when the folder cannot be used, and what the source throws. */
export async function openEarlybird(options: EarlybirdOptions): Promise<Earlybird> {
  const { folder, source, clock, log } = options
  const files = await SegmentFiles.open(folder)
  const journals = await readJournals(folder)
  const known = journals.isDamaged ? undefined : await files.readManifest()
  if (journals.isDamaged) log.warn({ event: 'earlybird.journal_damaged' })
  const { sealed, lost } = await loadSegments(files, known, log)
  const manifest: Manifest = {
    nextName: known?.nextName ?? 1,
    segments: known?.segments.filter(({ name }) => sealed.some((segment) => segment.name === name)) ?? [],
    rebuild: known === undefined ? [EVERYTHING] : [...known.rebuild, ...lost.ranges],
  }
  await files.writeManifest(manifest)
  await files.removeOthers(manifest.segments.map(({ name }) => name))

  const missing = new Int32Array(new SharedArrayBuffer(4))
  missing[0] = journals.ids.size + lost.documents + (known === undefined ? 1 : 0)
  const takers = new Set<(memory: IndexMemory) => void>()
  const index = new DurableIndex({
    ...(options.segmentDocuments !== undefined && { segmentDocuments: options.segmentDocuments }),
    files,
    journal: new Journal(folder, journals.lastNumber + 1),
    sealed,
    firstName: manifest.nextName,
    rebuild: manifest.rebuild,
    log,
    changed: () => {
      for (const take of takers) take(memoryOf(view()))
    },
  })
  const view = (): IndexView => ({ segments: index.core.segments, authors: index.core.authors, missing })
  for (const segment of sealed) numberAuthors(segment, index)
  for (const author of await source.withoutConsent()) index.consent(author, false)

  const stop = new AbortController()
  const read = (documents: number): void => {
    missing[0] = Math.max(1, (missing[0] ?? 0) - documents)
  }
  const recovered = (async () => {
    await recover({ index, source, clock, log, read }, journals.ids, manifest.rebuild, stop.signal)
    if (!stop.signal.aborted) missing[0] = 0
  })()
  return {
    writer: index,
    reader: new IndexReader(view, clock),
    recovered,
    share: (take) => {
      takers.add(take)
      take(memoryOf(view()))
      return { [Symbol.dispose]: () => takers.delete(take) }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await recovered
      await index[Symbol.asyncDispose]()
    },
  }
}

interface Loaded {
  sealed: SealedSegment[]
  lost: { ranges: IdRange[]; documents: number }
}

/** What is damaged is not served: its ids are read again. */
async function loadSegments(files: SegmentFiles, manifest: Manifest | undefined, log: Log): Promise<Loaded> {
  const sealed: SealedSegment[] = []
  const lost: Loaded['lost'] = { ranges: [], documents: 0 }
  for (const { name, documents, oldest, newest } of manifest?.segments ?? []) {
    const segment = await files.load(name)
    if (segment !== undefined) {
      sealed.push(segment)
      continue
    }
    log.warn({ event: 'earlybird.segment_damaged', segment: name, documents })
    lost.ranges.push({ after: String(BigInt(oldest) - 1n), until: newest })
    lost.documents += documents
  }
  return { sealed, lost }
}

/** The file knows the authors by their ids; here they get the numbers of this run. */
function numberAuthors({ memory }: SealedSegment, { core }: DurableIndex): void {
  const { authorIds, localAuthors, columns, sizes } = memory
  const numbers = new Uint32Array(sizes.authors)
  for (let local = 0; local < sizes.authors; local++) {
    numbers[local] = core.numberAuthor(authorIds[local * 2] ?? 0, authorIds[local * 2 + 1] ?? 0)
  }
  for (let document = 0; document < sizes.documents; document++) {
    columns.authors[document] = numbers[localAuthors[document] ?? 0] ?? 0
  }
}
