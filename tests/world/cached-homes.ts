/**
 * People who follow each other, over a timeline cache that is being broken. Posts are delivered as the bus would have it:
 * again and again while the cache is unavailable, each author's in order. Homes are read by the timeline service's own code;
 * the store is in memory, and never fails.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

import { AppError } from '../../src/kit/errors.ts'
import { silentLog } from '../../src/kit/log.ts'
import type { Page } from '../../src/kit/page.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { NO_RELATION } from '../../src/social-graph/contract.ts'
import type { TimelineRow } from '../../src/status-store/contract.ts'
import { MergedAuthors, type TimelineCache } from '../../src/timeline-cache/contract.ts'
import { Celebrities } from '../../src/timeline-service/celebrities.ts'
import { HomeSkeleton } from '../../src/timeline-service/home.ts'

const READERS = 64
const AUTHORS = 8
/** Each reader follows this many authors. */
const FOLLOWED = 3
const PAGE = 40
const AGAIN_MS = 50

const readerId = (n: number) => (BigInt(n + 1) << 24n) as AccountId
const authorId = (n: number) => (BigInt(n + 1_000_001) << 24n) as AccountId

interface Read {
  ms: number
  /** Answered by the cache, without a question to the store. */
  cached: boolean
}

export class CachedHomes {
  readonly readers: readonly AccountId[] = Array.from({ length: READERS }, (_, n) => readerId(n))
  readonly #cache: TimelineCache
  readonly #home: HomeSkeleton
  /** Newest first. */
  readonly #posts = new Map<AccountId, StatusId[]>()
  /** Delivered, as far as the cache said. */
  readonly #acknowledged = new Set<StatusId>()
  readonly #queues = new Map<AccountId, Promise<void>>()
  readonly #stop = new AbortController()
  #lastId = 2n ** 60n
  #questions = 0

  constructor(cache: TimelineCache) {
    this.#cache = cache
    const statuses = { homeIds: (authors: readonly AccountId[], page: Page) => this.#homeIds(authors, page) }
    this.#home = new HomeSkeleton({
      cache,
      graph: {
        following: (reader) => this.#followed(reader),
        followerCount: () => 0,
        // Asked of authors who are merged at read: nobody here.
        regards: () => () => NO_RELATION,
      },
      statuses,
      celebrities: new Celebrities(statuses),
      merged: new MergedAuthors(1_000_000),
      log: silentLog,
    })
  }

  /** Commits a post and begins its delivery. */
  post(): void {
    const author = authorId(Number((this.#lastId / 4_096n) % BigInt(AUTHORS)))
    const id = (this.#lastId += 4_096n) as StatusId
    this.#posts.set(author, [id, ...(this.#posts.get(author) ?? [])])
    const before = this.#queues.get(author) ?? Promise.resolve()
    this.#queues.set(
      author,
      before.then(() => this.#deliver(author, id)),
    )
  }

  /** Everything that was posted has been delivered. */
  async delivered(): Promise<void> {
    await Promise.all(this.#queues.values())
  }

  get undelivered(): number {
    return [...this.#posts.values()].flat().length - this.#acknowledged.size
  }

  /**
   * Reads one home. What it shows was posted; and with `strictly` it lacks nothing whose delivery was acknowledged before:
   * what the cache has lost, it must know to be missing.
   */
  async read(reader: AccountId, strictly: boolean): Promise<Read> {
    const due = new Set(this.#acknowledged)
    const questions = this.#questions
    const beginMs = performance.now()
    const { rows } = await this.#home.read(reader, { limit: PAGE })
    const ms = performance.now() - beginMs
    const shown = rows.map(({ cursor }) => cursor)
    const truth = this.#truth(reader)
    assert.deepEqual(
      shown,
      truth.filter((id) => shown.includes(id)),
      'a home shows what was posted, in order',
    )
    const oldest = shown.at(-1) ?? 0n
    if (strictly) {
      const lacking = truth.slice(0, PAGE).filter((id) => due.has(id) && id > oldest && !shown.includes(id))
      assert.deepEqual(lacking, [], 'a home lacks what had been delivered to it')
    }
    return { ms, cached: this.#questions === questions }
  }

  async readAll(strictly: boolean): Promise<Read[]> {
    const reads: Read[] = []
    for (const reader of this.readers) reads.push(await this.read(reader, strictly))
    return reads
  }

  /** Whether every home shows exactly what it should, and how many of them came from the cache. */
  async compare(): Promise<{ equal: boolean; cached: number }> {
    let [equal, cached] = [true, 0]
    for (const reader of this.readers) {
      const questions = this.#questions
      const { rows } = await this.#home.read(reader, { limit: PAGE })
      if (this.#questions === questions) cached += 1
      equal &&= rows.map(({ cursor }) => cursor).join() === this.#truth(reader).slice(0, PAGE).join()
    }
    return { equal, cached }
  }

  /** Posts and reads until disposed; the first read that is wrong fails the disposal. */
  live(strictly: boolean, everyMs = 5): AsyncDisposable & { reads: Read[] } {
    const stop = new AbortController()
    const reads: Read[] = []
    const act = async (work: () => Promise<void>) => {
      while (!stop.signal.aborted) {
        await work()
        await sleep(everyMs)
      }
    }
    let turn = 0
    const lives = [
      act(async () => this.post()),
      act(async () => {
        const reader = this.readers[turn++ % READERS]
        if (reader !== undefined) reads.push(await this.read(reader, strictly))
      }),
    ]
    // Settled here already, so that a failure is not one that nobody handles.
    const settled = Promise.allSettled(lives)
    return {
      reads,
      async [Symbol.asyncDispose]() {
        stop.abort()
        for (const life of await settled) if (life.status === 'rejected') throw life.reason
      },
    }
  }

  /** Gives up what is still to be delivered. */
  stop(): void {
    this.#stop.abort()
  }

  async #deliver(author: AccountId, id: StatusId): Promise<void> {
    const followers = this.readers.filter((reader) => this.#followed(reader).includes(author))
    while (!this.#stop.signal.aborted) {
      try {
        await this.#cache.insert({ id, author, boostOf: 0n, flags: 0 }, followers)
        this.#acknowledged.add(id)
        return
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'unavailable') throw error
        await sleep(AGAIN_MS)
      }
    }
  }

  #followed(reader: AccountId): AccountId[] {
    const first = Number(reader >> 24n)
    return Array.from({ length: FOLLOWED }, (_, n) => authorId((first + n) % AUTHORS))
  }

  #truth(reader: AccountId): StatusId[] {
    return this.#newest([reader, ...this.#followed(reader)])
  }

  #newest(authors: readonly AccountId[]): StatusId[] {
    return authors.flatMap((author) => this.#posts.get(author) ?? []).toSorted((a, b) => (a < b ? 1 : -1))
  }

  async #homeIds(authors: readonly AccountId[], page: Page): Promise<TimelineRow[]> {
    this.#questions += 1
    const ids = this.#newest(authors).filter((id) => id < (page.maxId ?? 2n ** 63n))
    await sleep(1) // the answer is of the moment of the question
    return ids.slice(0, page.limit).map((id) => ({
      id,
      author: authors.find((author) => this.#posts.get(author)?.includes(id)) ?? readerId(0),
      boostOf: null,
      boostedAuthor: null,
      inReplyTo: null,
      inReplyToAccount: null,
    }))
  }
}
