/** The index on disk: closed, crashed, damaged; it always comes back with what PostgreSQL has, and serves nothing else. */
import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'

import fc from 'fast-check'

import type { DocumentSource, IndexDocument, Query } from '../../src/earlybird/contract.ts'
import { type Earlybird, openEarlybird } from '../../src/earlybird/open.ts'
import { silentLog } from '../../src/kit/log.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { anyAsked, anyDocument, anyId, type Asked, NaiveIndex, NOW_MS } from '../unit/earlybird-model.ts'

const CLOCK = { nowMs: () => NOW_MS, sleep: async () => {} }
const ALL: Query = { kind: 'all' }
const EVERYTHING: Asked = { query: ALL, order: 'newest', limit: 400, offset: 0, maxId: undefined, minId: undefined }

const folders: string[] = []
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'earlybird-'))
  folders.push(folder)
  return folder
}

/** PostgreSQL, as far as the index knows it. */
function sourceOf(truth: NaiveIndex): DocumentSource {
  const ascending = (): StatusId[] => [...truth.documents.keys()].toSorted((a, b) => (a < b ? -1 : 1))
  return {
    documents: async (ids) => ids.flatMap((id) => truth.documents.get(id) ?? []),
    idsBetween: async (from, until, limit) =>
      ascending()
        .filter((id) => id > from && id <= until)
        .slice(0, limit),
    idsOf: async (author, from, limit) =>
      ascending()
        .filter((id) => id > from && truth.documents.get(id)?.author === author)
        .slice(0, limit),
    withoutConsent: async () => [...truth.silent],
  }
}

async function open(folder: string, truth: NaiveIndex): Promise<Earlybird> {
  return openEarlybird({ folder, source: sourceOf(truth), clock: CLOCK, log: silentLog, segmentDocuments: 8 })
}

async function idsFound(index: Earlybird, asked = EVERYTHING): Promise<StatusId[]> {
  const { hits, partial } = await index.reader.search(asked.query, { ...asked, deadlineMs: 60_000 })
  assert.deepEqual(partial, [])
  return hits.map(({ id }) => id)
}

async function assertHolds(index: Earlybird, truth: NaiveIndex, asked = EVERYTHING): Promise<void> {
  const expected = truth.search(asked, 0, new Map()).map(({ id }) => id)
  assert.deepEqual(await idsFound(index, asked), expected)
}

/** As a crash leaves it: what is on disk at one moment, while the index goes on. Taken again when it changed meanwhile. */
async function crashed(folder: string): Promise<string> {
  for (;;) {
    const before = await listing(folder)
    const copy = await newFolder()
    for (const name of await readdir(folder)) {
      await cp(join(folder, name), join(copy, name)).catch(() => undefined) // gone again
    }
    if ((await listing(folder)) === before) return copy
  }
}

async function listing(folder: string): Promise<string> {
  const names = (await readdir(folder)).toSorted()
  const stats = names.map(async (name) => {
    const found = await stat(join(folder, name), { bigint: true }).catch(() => undefined)
    return `${name} ${found?.size} ${found?.mtimeNs} ${found?.ino}`
  })
  return (await Promise.all(stats)).join()
}

function sample(count: number, seed = 1): IndexDocument[] {
  return fc.sample(anyDocument, { numRuns: count, seed }).map((document, n) => ({
    ...document,
    id: (document.id + BigInt(n) * 4_096n) as StatusId,
  }))
}

async function filled(count = 20): Promise<{ folder: string; truth: NaiveIndex }> {
  const folder = await newFolder()
  const truth = new NaiveIndex()
  await using index = await open(folder, truth)
  await index.recovered
  for (const document of sample(count)) {
    truth.add([document])
    index.writer.add([document])
  }
  return { folder, truth }
}

test('an index that was closed comes back without asking the source for anything it had', async () => {
  const { folder, truth } = await filled()
  const asked: StatusId[] = []
  const source = sourceOf(truth)
  await using index = await openEarlybird({
    folder,
    source: {
      ...source,
      documents: async (ids) => {
        asked.push(...ids)
        return source.documents(ids)
      },
    },
    clock: CLOCK,
    log: silentLog,
    segmentDocuments: 8,
  })
  await assertHolds(index, truth)
  await index.recovered
  await assertHolds(index, truth)
  assert.deepEqual(asked, [])
})

const anyStep = fc.oneof(
  { weight: 6, arbitrary: fc.array(anyDocument, { maxLength: 5 }).map((documents) => ({ add: documents }) as const) },
  { weight: 3, arbitrary: anyId.map((id) => ({ remove: id }) as const) },
  {
    weight: 3,
    arbitrary: fc.tuple(anyId, fc.nat(300)).map(([id, favourites]) => ({ count: { id, favourites } }) as const),
  },
  fc
    .tuple(fc.constantFrom(1n, 2n, 3n), fc.boolean())
    .map(([author, allowed]) => ({ consent: { author: author as AccountId, allowed } }) as const),
)
type Step = typeof anyStep extends fc.Arbitrary<infer Value> ? Value : never
const anySteps = fc.array(anyStep, { maxLength: 25 })

async function play(index: Earlybird, truth: NaiveIndex, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    const { writer } = index
    if ('add' in step) for (const both of [truth, writer]) both.add(step.add)
    if ('remove' in step) for (const both of [truth, writer]) both.remove(step.remove)
    if ('count' in step) {
      const counts = { favourites: step.count.favourites, boosts: 0, replies: 0 }
      for (const both of [truth, writer]) both.setCounts(step.count.id, counts)
    }
    if ('consent' in step) for (const both of [truth, writer]) both.consent(step.consent.author, step.consent.allowed)
    await writer.settled() // W14: the event is done with only now
  }
}

test('after a crash at any moment the index holds what was confirmed, edits, deletions and counts included', async () => {
  await fc.assert(
    fc.asyncProperty(anySteps, anySteps, anyAsked, async (before, then, asked) => {
      const truth = new NaiveIndex()
      await using first = await open(await newFolder(), truth)
      const folder = folders.at(-1) ?? ''
      await play(first, truth, before)
      await using second = await open(await crashed(folder), truth)
      const secondFolder = folders.at(-1) ?? ''
      await play(second, truth, then) // the recovery is under way
      await second.recovered
      await assertHolds(second, truth)
      await using third = await open(await crashed(secondFolder), truth)
      await third.recovered
      await assertHolds(third, truth, { ...asked, order: 'newest' })
      for (const count of [1, 100, 200]) {
        const query: Query = { kind: 'atLeast', count: 'favourites', value: count }
        await assertHolds(third, truth, { ...EVERYTHING, query })
      }
    }),
    { numRuns: 12 },
  )
})

test('a bit that flipped anywhere in any file is found, and what it damaged is read again', async () => {
  const { folder, truth } = await filled()
  for (const name of await oneOfEachKind(folder)) {
    const bytes = await readFile(join(folder, name))
    // Every region of a file: its header, its end, and places all over its body.
    for (let n = 0; n < 12; n++) {
      const copy = await crashed(folder)
      const damaged = Buffer.from(bytes)
      const at = n === 11 ? bytes.length - 1 : Math.floor((bytes.length * n) / 11)
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (n % 8))
      await writeFile(join(copy, name), damaged)
      await assertComesBack(copy, truth, `${name}, byte ${at}`)
    }
  }
})

test('a file that was cut short, emptied or lost is found, and what was in it is read again', async () => {
  const { folder, truth } = await filled()
  for (const name of await oneOfEachKind(folder)) {
    const { size } = await stat(join(folder, name))
    for (const length of [0, 1, Math.floor(size / 2), size - 1]) {
      const copy = await crashed(folder)
      await truncate(join(copy, name), length)
      await assertComesBack(copy, truth, `${name}, ${length} bytes left`)
    }
    const copy = await crashed(folder)
    await rm(join(copy, name))
    await assertComesBack(copy, truth, `${name} lost`)
  }
})

async function oneOfEachKind(folder: string): Promise<string[]> {
  const files = await readdir(folder)
  return ['.json', '.sealed', '.changes'].map((kind) => files.find((name) => name.endsWith(kind)) ?? `no ${kind}`)
}

/** Nothing wrong is ever served, and in the end nothing is missing. */
async function assertComesBack(folder: string, truth: NaiveIndex, what: string): Promise<void> {
  await using index = await open(folder, truth)
  const early = await index.reader.search(ALL, { order: 'newest', limit: 400 })
  for (const { id } of early.hits) assert.ok(truth.documents.has(id), what)
  assert.deepEqual(early.partial, ['missing'], `${what}: not noticed`)
  await index.recovered
  await assertHolds(index, truth)
  for (const term of ['the', 'beer', 'dunlin']) {
    await assertHolds(index, truth, { ...EVERYTHING, query: { kind: 'term', term } })
  }
}

test('a damaged journal makes the whole index read again, an unfinished record does not', async () => {
  const truth = new NaiveIndex()
  const folder = await newFolder()
  await using index = await open(folder, truth)
  await index.recovered
  const documents = sample(5)
  truth.add(documents)
  index.writer.add(documents)
  await index.writer.settled()
  const journals = (await readdir(folder)).filter((name) => name.startsWith('journal'))
  const last = journals.at(-1) ?? ''
  const bytes = await readFile(join(folder, last))
  assert.ok(bytes.length >= 5 * 12)
  for (const content of [bytes.subarray(0, -5), Buffer.from(bytes).fill(7, 3, 9)]) {
    const copy = await crashed(folder)
    await writeFile(join(copy, last), content)
    await using again = await open(copy, truth)
    await again.recovered
    if (content.length === bytes.length) await assertHolds(again, truth)
    else assert.ok((await idsFound(again)).length >= 4) // the unfinished one was confirmed to nobody
  }
})

test('an index that was never there is built from the source, the newest statuses first', async () => {
  const truth = new NaiveIndex()
  const documents = sample(700)
  truth.add(documents)
  await using index = await open(await newFolder(), truth)
  assert.equal(index.reader.state().missing, 1)
  await index.recovered
  assert.equal(index.reader.state().missing, 0)
  assert.equal(index.reader.state().documents, truth.documents.size)
  await assertHolds(index, truth)
})
