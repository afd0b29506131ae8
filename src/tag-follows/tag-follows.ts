/**
 * `TagFollows` on PostgreSQL and memory. A change is committed with its event, then taken into the memory of this thread; the
 * others hear of it and read the account's hashtags again, so that what they have is what is committed, in whatever order
 * they hear.
 */
import type { Bus } from '../engines/bus/contract.ts'
import type { Database } from '../engines/database/contract.ts'
import type { Outbox } from '../engines/outbox/contract.ts'
import { decodeEvent, encodeEvent } from '../events/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import { LogGate } from '../kit/log-gate.ts'
import type { Log } from '../kit/log.ts'
import type { Cursored, Page } from '../kit/page.ts'
import { NO_SIBLINGS, type Siblings, type Topic } from '../kit/siblings.ts'
import { ID_MAX, type AccountId } from '../snowflake/contract.ts'
import { FOLLOWED_TAGS_MAX, type TagFollows } from './contract.ts'

const LOAD_BATCH = 10_000
const REREAD_PAUSE_MS = 1_000
const NONE: ReadonlySet<string> = new Set()
/** What an account did, told to the other threads before it has its answer. */
const CHANGED: Topic<{ account: AccountId; tag: string; follows: boolean }> = { name: 'tag-follows.changed' }

export interface TagFollowsDeps {
  db: Database
  outbox: Outbox
  bus: Pick<Bus, 'listen'>
  clock: Clock
  log: Log
  siblings?: Siblings
}

/** Loads all follows of hashtags. */
export async function openTagFollows(deps: TagFollowsDeps): Promise<TagFollows & Disposable> {
  const follows = new PostgresTagFollows(deps)
  try {
    await follows.load()
    return follows
  } catch (error) {
    follows[Symbol.dispose]()
    throw error
  }
}

class PostgresTagFollows implements TagFollows, Disposable {
  readonly #deps: TagFollowsDeps
  readonly #tags = new Map<AccountId, Set<string>>()
  readonly #closing = new AbortController()
  readonly #listening = new DisposableStack()
  readonly #siblings: Siblings
  readonly #failures: LogGate

  constructor(deps: TagFollowsDeps) {
    this.#deps = deps
    this.#failures = new LogGate(deps.clock)
    this.#siblings = deps.siblings ?? NO_SIBLINGS
    this.#listening.use(this.#siblings.hear(CHANGED, ({ account, tag, follows }) => this.#put(account, tag, follows)))
    this.#listening.use(
      deps.bus.listen(['tags.followed'], (message) => {
        void this.#readAgain(decodeEvent('tags.followed', message).account)
      }),
    )
  }

  [Symbol.dispose](): void {
    this.#closing.abort()
    this.#listening[Symbol.dispose]()
  }

  async load(): Promise<void> {
    let after = 0n
    for (;;) {
      const rows = await this.#deps.db.rows<{ id: bigint; account: AccountId; tag: string }>`
        select id, account_id as account, tag from tag_follows where id > ${after} order by id limit ${LOAD_BATCH}`
      for (const { account, tag } of rows) this.#setOf(account).add(tag)
      const last = rows.at(-1)
      if (last === undefined || rows.length < LOAD_BATCH) return
      after = last.id
    }
  }

  followedBy(account: AccountId): ReadonlySet<string> {
    return this.#tags.get(account) ?? NONE
  }

  async follow(account: AccountId, tag: string): Promise<void> {
    const known = this.followedBy(account)
    if (known.size >= FOLLOWED_TAGS_MAX && !known.has(tag)) {
      throw new AppError('invalid', `Validation failed: You cannot follow more than ${FOLLOWED_TAGS_MAX} hashtags`)
    }
    await this.#change(account, async (tx) => {
      const added = await tx.run`
        insert into tag_follows (account_id, tag) values (${account}, ${tag}) on conflict do nothing`
      return added === 1
    })
    this.#known(account, tag, true)
  }

  async unfollow(account: AccountId, tag: string): Promise<void> {
    await this.#change(account, async (tx) => {
      return (await tx.run`delete from tag_follows where account_id = ${account} and tag = ${tag}`) === 1
    })
    this.#known(account, tag, false)
  }

  async list(account: AccountId, page: Page): Promise<Cursored<string>[]> {
    const { maxId = ID_MAX, sinceId, minId, limit } = page
    const above = minId ?? sinceId ?? 0n
    if (minId !== undefined) {
      const rows = await this.#deps.db.rows<Cursored<string>>`
        select id as cursor, tag as item from tag_follows
        where account_id = ${account} and id > ${above} and id < ${maxId} order by id limit ${limit}`
      return rows.reverse()
    }
    return this.#deps.db.rows<Cursored<string>>`
      select id as cursor, tag as item from tag_follows
      where account_id = ${account} and id > ${above} and id < ${maxId} order by id desc limit ${limit}`
  }

  async #change(account: AccountId, act: Parameters<Database['transaction']>[0]): Promise<void> {
    const { db, outbox } = this.#deps
    const changed = await db.transaction(async (tx) => {
      if ((await act(tx)) !== true) return false
      await outbox.append(tx, [encodeEvent('tags.followed', account, { account })])
      return true
    })
    if (changed) outbox.wake()
  }

  #known(account: AccountId, tag: string, follows: boolean): void {
    this.#put(account, tag, follows)
    this.#siblings.tell(CHANGED, { account, tag, follows })
  }

  #put(account: AccountId, tag: string, follows: boolean): void {
    if (follows) this.#setOf(account).add(tag)
    else this.#tags.get(account)?.delete(tag)
  }

  #setOf(account: AccountId): Set<string> {
    const known = this.#tags.get(account)
    if (known !== undefined) return known
    const made = new Set<string>()
    this.#tags.set(account, made)
    return made
  }

  async #readAgain(account: AccountId): Promise<void> {
    const { clock, db, log } = this.#deps
    while (!this.#closing.signal.aborted) {
      try {
        const rows = await db.rows<{ tag: string }>`select tag from tag_follows where account_id = ${account}`
        if (rows.length === 0) this.#tags.delete(account)
        else this.#tags.set(account, new Set(rows.map(({ tag }) => tag)))
        return
      } catch (error) {
        this.#failures.pass((missed) => log.warn({ event: 'tag_follows.reread_failed', missed, err: error }))
        await clock.sleep(REREAD_PAUSE_MS, this.#closing.signal)
      }
    }
  }
}
