/**
 * `Lists` on PostgreSQL. In memory is only what is asked for without waiting: the members of exclusive lists, which are
 * few, and of lists that somebody watches. Whoever's lists change, theirs are read again, here at once and elsewhere by
 * the event; readings of one account go one after the other, so that an older one never comes last.
 */
import type { Bus } from '../engines/bus/contract.ts'
import type { Database, Db } from '../engines/database/contract.ts'
import type { Outbox } from '../engines/outbox/contract.ts'
import { decodeEvent, encodeEvent } from '../events/contract.ts'
import { AppError } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Page } from '../kit/page.ts'
import { NO_SIBLINGS, type Siblings, type Topic } from '../kit/siblings.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { LIST_TITLE_MAX, type ListDraft, type ListId, type ListRecord, type Lists, type ListView } from './contract.ts'
import * as rows from './rows.ts'

interface ListsDeps {
  db: Database
  outbox: Outbox
  bus: Pick<Bus, 'listen'>
  log: Log
  siblings?: Siblings
}

/** What exclusive lists take out of somebody's home, as of now: the other threads need not ask. */
const HIDDEN: Topic<{ account: AccountId; hidden: ReadonlySet<AccountId> | undefined }> = { name: 'lists.hidden' }

interface Watched {
  view: ListView
  watchers: number
}

export async function openLists(deps: ListsDeps): Promise<Lists & Disposable> {
  const lists = new StoredLists(deps)
  await lists.load()
  return lists
}

class StoredLists implements Lists, Disposable {
  readonly #deps: ListsDeps
  readonly #hidden = new Map<AccountId, ReadonlySet<AccountId>>()
  readonly #watched = new Map<ListId, Watched>()
  readonly #watchedByMember = new Map<AccountId, Set<Watched>>()
  readonly #reading = new Map<AccountId, Promise<void>>()
  readonly #siblings: Siblings
  readonly #listening = new DisposableStack()

  constructor(deps: ListsDeps) {
    this.#deps = deps
    this.#siblings = deps.siblings ?? NO_SIBLINGS
    this.#listening.use(this.#siblings.hear(HIDDEN, ({ account, hidden }) => this.#hide(account, hidden)))
    const listening = deps.bus.listen(['lists.changed'], (message) => {
      const { account } = decodeEvent('lists.changed', message)
      this.#readAgain(account).catch((error: unknown) => deps.log.warn({ event: 'lists.not_read', err: error }))
    })
    this.#listening.use(listening)
  }

  async load(): Promise<void> {
    for (const { record, members } of await rows.viewsOf(this.#deps.db, 'all', [])) {
      this.#hidden.set(record.account, (this.#hidden.get(record.account) ?? new Set()).union(members))
    }
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]()
  }

  of(account: AccountId): Promise<ListRecord[]> {
    return rows.listsOf(this.#deps.db, account)
  }

  find(account: AccountId, id: ListId): Promise<ListRecord> {
    return rows.findList(this.#deps.db, account, id)
  }

  async view(account: AccountId, id: ListId): Promise<ListView> {
    const record = await this.find(account, id)
    const [view] = await rows.viewsOf(this.#deps.db, [], [id])
    return view ?? { record, members: new Set() }
  }

  create(account: AccountId, draft: ListDraft): Promise<ListRecord> {
    const title = checkedTitle(draft.title)
    return this.#write(account, (tx) => rows.insertList(tx, account, { ...draft, title }))
  }

  change(account: AccountId, id: ListId, change: Partial<ListDraft>): Promise<ListRecord> {
    const title = change.title === undefined ? undefined : checkedTitle(change.title)
    return this.#write(account, (tx) => rows.updateList(tx, account, id, { ...change, ...(title && { title }) }))
  }

  remove(account: AccountId, id: ListId): Promise<void> {
    return this.#write(account, (tx) => rows.deleteList(tx, account, id))
  }

  async members(account: AccountId, id: ListId, page: Page) {
    await this.find(account, id)
    return rows.membersPage(this.#deps.db, id, page)
  }

  add(account: AccountId, id: ListId, members: readonly AccountId[]): Promise<void> {
    return this.#write(account, async (tx) => {
      await rows.insertMembers(tx, await rows.findList(tx, account, id), members)
    })
  }

  removeMembers(account: AccountId, id: ListId, members: readonly AccountId[]): Promise<void> {
    return this.#write(account, async (tx) => {
      await rows.findList(tx, account, id)
      await rows.deleteMembers(tx, id, members)
    })
  }

  containing(account: AccountId, member: AccountId): Promise<ListRecord[]> {
    return rows.listsContaining(this.#deps.db, account, member)
  }

  hiddenFromHome(account: AccountId): ReadonlySet<AccountId> | undefined {
    return this.#hidden.get(account)
  }

  async watch(account: AccountId, id: ListId): Promise<Disposable> {
    const view = await this.view(account, id)
    const watched = this.#watched.get(id) ?? { view, watchers: 0 }
    watched.watchers += 1
    this.#watched.set(id, watched)
    this.#show(watched, view)
    // A change may have been heard of after the reading and before it was watched.
    await this.#readAgain(account)
    let open = true
    return {
      [Symbol.dispose]: () => {
        if (open) this.#unwatch(watched)
        open = false
      },
    }
  }

  watchedWith(author: AccountId): readonly ListView[] {
    const watched = this.#watchedByMember.get(author)
    return watched === undefined ? [] : Array.from(watched, ({ view }) => view)
  }

  #unwatch(watched: Watched): void {
    watched.watchers -= 1
    if (watched.watchers > 0) return
    this.#show(watched, { ...watched.view, members: new Set() })
    this.#watched.delete(watched.view.record.id)
  }

  #show(watched: Watched, view: ListView): void {
    for (const member of watched.view.members) {
      const of = this.#watchedByMember.get(member)
      of?.delete(watched)
      if (of?.size === 0) this.#watchedByMember.delete(member)
    }
    watched.view = view
    for (const member of view.members) {
      const of = this.#watchedByMember.get(member) ?? new Set()
      this.#watchedByMember.set(member, of.add(watched))
    }
  }

  async #write<T>(account: AccountId, work: (tx: Db) => Promise<T>): Promise<T> {
    const result = await this.#deps.db.transaction(async (tx) => {
      const done = await work(tx)
      await this.#deps.outbox.append(tx, [encodeEvent('lists.changed', account, { account })])
      return done
    })
    this.#deps.outbox.wake()
    await this.#readAgain(account)
    this.#siblings.tell(HIDDEN, { account, hidden: this.#hidden.get(account) })
    return result
  }

  /** One reading after the other; each begins after it was asked for. */
  async #readAgain(account: AccountId): Promise<void> {
    const before = this.#reading.get(account)
    const reading = (before ?? Promise.resolve()).catch(() => undefined).then(() => this.#read(account))
    this.#reading.set(account, reading)
    try {
      await reading
    } finally {
      if (this.#reading.get(account) === reading) this.#reading.delete(account)
    }
  }

  #hide(account: AccountId, hidden: ReadonlySet<AccountId> | undefined): void {
    if (hidden === undefined) this.#hidden.delete(account)
    else this.#hidden.set(account, hidden)
  }

  async #read(account: AccountId): Promise<void> {
    const own = [...this.#watched.values()].filter(({ view }) => view.record.account === account)
    const ids = own.map(({ view }) => view.record.id)
    const views = new Map(
      (await rows.viewsOf(this.#deps.db, [account], ids)).map((view) => [view.record.id, view] as const),
    )
    const hidden = [...views.values()].filter(({ record }) => record.exclusive).map(({ members }) => members)
    this.#hide(account, hidden.length === 0 ? undefined : new Set(hidden.flatMap((members) => [...members])))
    for (const watched of own) {
      // A list that is gone has no members any more.
      if (watched.watchers > 0) this.#show(watched, views.get(watched.view.record.id) ?? empty(watched.view))
    }
  }
}

function empty({ record }: ListView): ListView {
  return { record, members: new Set() }
}

function checkedTitle(text: string): string {
  const title = text.trim()
  if (title === '') throw new AppError('invalid', "Validation failed: Title can't be blank")
  if ([...title].length > LIST_TITLE_MAX) {
    throw new AppError('invalid', `Validation failed: Title is too long (maximum is ${LIST_TITLE_MAX} characters)`)
  }
  return title
}
