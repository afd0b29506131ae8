/**
 * The search engines that Earlybird is measured beside. Each gives the same answers as far as it can: 20 hits, newest first, or
 * the best by text × recency × engagement. What an engine cannot do itself is done here with all that it finds, as whoever builds
 * on it would have to.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { create, insertMultiple, search as searchOrama, type AnyOrama } from '@orama/orama'
import FlexSearch from 'flexsearch'
import MiniSearch from 'minisearch'

import { engagementOf, recencyOf } from '../src/earlybird/scoring.ts'
import { openDatabase } from '../src/engines/database/connection.ts'
import type { Database } from '../src/engines/database/contract.ts'
import { startEmbeddedPostgres } from '../src/engines/database/embedded/start.ts'
import { silentLog } from '../src/kit/log.ts'
import { NEWEST_MS, type SearchStatus } from './search-world.ts'

export interface PeerQuery {
  words: readonly string[]
  /** The words stand side by side. */
  phrase: boolean
  author: string | undefined
  order: 'newest' | 'relevance'
}

export interface Peer extends AsyncDisposable {
  name: string
  add(statuses: readonly SearchStatus[]): Promise<void>
  /** The first LIMIT hits; returns how many. */
  search(query: PeerQuery): Promise<number>
  /** Of memory or disk, for each status; null where nobody can tell. */
  bytes(): Promise<number | null>
}

const LIMIT = 20
/** Engines without an order by time give all they find, which is sorted here. */
const ALL = 1_000_000

export async function openPeers(): Promise<Peer[]> {
  return [miniSearch(), flexSearch(), orama(), await postgres()]
}

function textOf({ words, tag }: SearchStatus): string {
  return tag === undefined ? words.join(' ') : `${words.join(' ')} #${tag}`
}

/** Recency × engagement, as Earlybird has them. */
function worthOf({ id, favourites }: SearchStatus): number {
  return recencyOf(Number(id), NEWEST_MS) * engagementOf(favourites)
}

function miniSearch(): Peer {
  const index = new MiniSearch<{ id: string; text: string; author: string; worth: number }>({
    fields: ['text', 'author'],
    storeFields: ['text', 'worth'],
    tokenize: (text) => text.split(' '),
  })
  return {
    name: 'MiniSearch',
    async add(statuses) {
      index.addAll(
        statuses.map((status) => ({
          id: paddedId(status.id),
          text: textOf(status),
          author: status.author.toString(),
          worth: worthOf(status),
        })),
      )
    },
    async search({ words, phrase, author, order }) {
      const text = words.join(' ')
      const found = index.search(author ?? text, {
        fields: [author === undefined ? 'text' : 'author'],
        combineWith: 'AND',
        ...(phrase && { filter: (hit) => String(hit['text']).includes(text) }),
        ...(order === 'relevance' && { boostDocument: (_id, _term, stored) => Number(stored?.['worth']) }),
      })
      if (order === 'newest') found.sort((a, b) => (a.id < b.id ? 1 : -1))
      return found.slice(0, LIMIT).length
    },
    bytes: async () => null,
    async [Symbol.asyncDispose]() {},
  }
}

function flexSearch(): Peer {
  const encode = (text: string): string[] => text.split(' ')
  const texts = new FlexSearch.Index({ tokenize: 'strict', encode })
  const authors = new FlexSearch.Index({ tokenize: 'strict', encode })
  const stored: string[] = []
  const worth: number[] = []
  return {
    name: 'FlexSearch',
    async add(statuses) {
      for (const status of statuses) {
        const n = stored.push(textOf(status)) - 1
        worth.push(worthOf(status))
        texts.add(n, textOf(status))
        authors.add(n, status.author.toString())
      }
    },
    async search({ words, phrase, author, order }) {
      const text = words.join(' ')
      // It knows where in a text a word stands, and neither time nor worth.
      const all = author === undefined ? texts.search(text, { limit: ALL }) : authors.search(author, { limit: ALL })
      const found = phrase ? all.map(Number).filter((n) => stored[n]?.includes(text)) : all.map(Number)
      found.sort(order === 'newest' ? (a, b) => b - a : (a, b) => (worth[b] ?? 0) - (worth[a] ?? 0) || b - a)
      return found.slice(0, LIMIT).length
    },
    bytes: async () => null,
    async [Symbol.asyncDispose]() {},
  }
}

function orama(): Peer {
  const index: AnyOrama = create({ schema: { text: 'string', author: 'enum', at: 'number', worth: 'number' } as const })
  return {
    name: 'Orama',
    async add(statuses) {
      const rows = statuses.map((status) => ({
        text: textOf(status),
        author: status.author.toString(),
        at: Number(status.id >> 22n),
        worth: worthOf(status),
      }))
      await insertMultiple(index, rows, rows.length)
    },
    async search({ words, phrase, author, order }) {
      const found = await searchOrama(index, {
        ...(author === undefined
          ? { term: words.join(' '), properties: ['text'], exact: phrase }
          : { where: { author: { eq: author } } }),
        limit: LIMIT,
        threshold: 0,
        sortBy: { property: order === 'newest' ? 'at' : 'worth', order: 'DESC' as const },
      })
      return found.hits.length
    },
    bytes: async () => null,
    async [Symbol.asyncDispose]() {},
  }
}

async function postgres(): Promise<Peer> {
  await using resources = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'dunlin-bench-'))
  resources.defer(() => rm(dataDir, { recursive: true, force: true }))
  const { connection } = resources.use(await startEmbeddedPostgres({ dataDir, log: silentLog }))
  const db: Database & AsyncDisposable = resources.use(openDatabase({ connection, poolSize: 2, log: silentLog }))
  await db.run`create table searched 
    (id bigint primary key, author bigint not null, worth double precision not null, words tsvector not null)`
  await db.run`create index searched_words on searched using gin (words)`
  await db.run`create index searched_author on searched (author, id)`
  const opened = resources.move()
  return {
    name: 'PostgreSQL GIN',
    async add(statuses) {
      await db.run`
        insert into searched
        select id, author, worth, to_tsvector('simple', words)
        from unnest(${statuses.map(({ id }) => id)}::bigint[], ${statuses.map(({ author }) => author)}::bigint[],
          ${statuses.map(worthOf)}::double precision[], ${statuses.map(textOf)}::text[]) as given (id, author, worth, words)`
    },
    search: async (query) => (await rowsOf(db, query)).length,
    async bytes() {
      const size = await db.one<{ bytes: bigint }>`select pg_indexes_size('searched')::bigint as bytes`
      return Number(size?.bytes ?? 0)
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function rowsOf(db: Database, { words, phrase, author, order }: PeerQuery): Promise<{ id: bigint }[]> {
  const text = words.join(' ')
  if (author !== undefined) {
    return order === 'newest'
      ? db.rows`select id from searched where author = ${author} order by id desc limit ${LIMIT}`
      : db.rows`select id from searched where author = ${author} order by worth desc, id desc limit ${LIMIT}`
  }
  const wanted = phrase ? `"${text}"` : text // quotes make a phrase of it
  if (order === 'newest') {
    return db.rows`
      select id from searched where words @@ websearch_to_tsquery('simple', ${wanted}) order by id desc limit ${LIMIT}`
  }
  return db.rows`
    select id from searched, websearch_to_tsquery('simple', ${wanted}) as query
    where words @@ query order by (1 + ts_rank(words, query)) * worth desc, id desc limit ${LIMIT}`
}

/** So that their order as text is that as numbers. */
function paddedId(id: bigint): string {
  return id.toString().padStart(19, '0')
}
