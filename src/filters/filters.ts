/** `Filters` on PostgreSQL, with each person's compiled filters in memory, kept true by `filters.changed`. */
import type { Bus } from '../engines/bus/contract.ts'
import type { Database, Db } from '../engines/database/contract.ts'
import type { Outbox } from '../engines/outbox/contract.ts'
import { decodeEvent, encodeEvent } from '../events/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError, notFound } from '../kit/errors.ts'
import { NO_SIBLINGS, type Siblings, type Topic } from '../kit/siblings.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type {
  FilterChange,
  FilterDraft,
  FilterKeyword,
  FilterMatcher,
  FilterRecord,
  Filters,
  FilterStatus,
  KeywordChange,
} from './contract.ts'
import {
  FILTER_KEYWORD_MAX,
  FILTER_KEYWORDS_MAX,
  FILTER_STATUSES_MAX,
  FILTER_TITLE_MAX,
  FILTERS_MAX,
} from './contract.ts'
import { filterMatcher, matchesNothing } from './matcher.ts'
import * as rows from './rows.ts'

/** Accounts whose compiled filters are kept. */
const MATCHERS_MAX = 10_000
/** Whose filters another thread has changed. */
const CHANGED: Topic<AccountId> = { name: 'filters.changed' }

export interface FilterDeps {
  database: Database
  outbox: Outbox
  bus: Pick<Bus, 'listen'>
  clock: Clock
  siblings?: Siblings
}

export function filters(deps: FilterDeps): Filters & Disposable {
  return new StoredFilters(deps)
}

interface Known {
  loading: Promise<FilterMatcher>
  /** Once it is there. */
  loaded: FilterMatcher | undefined
}

class StoredFilters implements Filters, Disposable {
  readonly #deps: FilterDeps
  /** Least recently loaded first. A change takes the entry away, also one still loading. */
  readonly #matchers = new Map<AccountId, Known>()
  readonly #siblings: Siblings
  readonly #listening = new DisposableStack()

  constructor(deps: FilterDeps) {
    this.#deps = deps
    this.#siblings = deps.siblings ?? NO_SIBLINGS
    this.#listening.use(this.#siblings.hear(CHANGED, (account) => this.#matchers.delete(account)))
    const listening = deps.bus.listen(['filters.changed'], (message) => {
      this.#matchers.delete(decodeEvent('filters.changed', message).account)
    })
    this.#listening.use(listening)
  }

  list(account: AccountId): Promise<FilterRecord[]> {
    return rows.filtersOf(this.#deps.database, account)
  }

  async find(account: AccountId, id: bigint): Promise<FilterRecord> {
    return found(await rows.filterOf(this.#deps.database, account, id))
  }

  async create(account: AccountId, draft: FilterDraft): Promise<FilterRecord> {
    const checked = { ...draft, ...checkedFilter(draft) }
    return this.#write(account, async (tx) => {
      // Two requests at once may pass the bound by one: it only keeps the memory of the compiled filters small.
      if ((await rows.countFilters(tx, account)) >= FILTERS_MAX) throw tooMany('filters', FILTERS_MAX)
      const id = await rows.insertFilter(tx, account, checked)
      await changeKeywords(tx, found(await rows.filterOf(tx, account, id)), draft.keywords)
      return found(await rows.filterOf(tx, account, id))
    })
  }

  change(account: AccountId, id: bigint, change: FilterChange): Promise<FilterRecord> {
    return this.#write(account, async (tx) => {
      const filter = found(await rows.filterOf(tx, account, id))
      const { keywords, ...rest } = change
      const changed = { ...filter, ...rest }
      if (!(await rows.updateFilter(tx, { ...changed, ...checkedFilter(changed) }))) throw notFound()
      await changeKeywords(tx, filter, keywords ?? [])
      return found(await rows.filterOf(tx, account, id))
    })
  }

  remove(account: AccountId, id: bigint): Promise<void> {
    return this.#write(account, async (tx) => {
      if (!(await rows.deleteFilter(tx, account, id))) throw notFound()
    })
  }

  async findByKeyword(
    account: AccountId,
    keywordId: bigint,
  ): Promise<{ filter: FilterRecord; keyword: FilterKeyword }> {
    return withKeyword(this.#deps.database, account, keywordId)
  }

  addKeyword(account: AccountId, id: bigint, keyword: { keyword: string; wholeWord: boolean }): Promise<FilterKeyword> {
    return this.#write(account, async (tx) => {
      const filter = found(await rows.filterOf(tx, account, id))
      if (filter.keywords.length >= FILTER_KEYWORDS_MAX) throw tooMany('keywords', FILTER_KEYWORDS_MAX)
      return rows.insertKeyword(tx, id, { ...keyword, keyword: checkedKeyword(keyword.keyword) })
    })
  }

  changeKeyword(
    account: AccountId,
    keywordId: bigint,
    change: { keyword?: string; wholeWord?: boolean },
  ): Promise<FilterKeyword> {
    return this.#write(account, async (tx) => {
      const { filter, keyword } = await withKeyword(tx, account, keywordId)
      const changed = { ...keyword, ...change }
      const checked = { ...changed, keyword: checkedKeyword(changed.keyword) }
      await rows.updateKeyword(tx, filter.id, checked)
      return checked
    })
  }

  removeKeyword(account: AccountId, keywordId: bigint): Promise<void> {
    return this.#write(account, async (tx) => {
      const { filter } = await withKeyword(tx, account, keywordId)
      await rows.deleteKeyword(tx, filter.id, keywordId)
    })
  }

  async findByStatus(account: AccountId, filterStatusId: bigint): Promise<FilterStatus> {
    return found(await rows.listedStatus(this.#deps.database, account, filterStatusId)).status
  }

  addStatus(account: AccountId, id: bigint, status: StatusId): Promise<FilterStatus> {
    return this.#write(account, async (tx) => {
      const filter = found(await rows.filterOf(tx, account, id))
      if (filter.statuses.length >= FILTER_STATUSES_MAX) throw tooMany('statuses', FILTER_STATUSES_MAX)
      return rows.insertStatus(tx, id, status)
    })
  }

  removeStatus(account: AccountId, filterStatusId: bigint): Promise<FilterStatus> {
    return this.#write(account, async (tx) => {
      const { filterId, status } = found(await rows.listedStatus(tx, account, filterStatusId))
      await rows.deleteStatus(tx, filterId, filterStatusId)
      return status
    })
  }

  matcher(account: AccountId): Promise<FilterMatcher> {
    const known = this.#matchers.get(account)
    if (known !== undefined) return known.loading
    const loading = this.list(account).then((list) => filterMatcher(list, this.#deps.clock))
    const entry: Known = { loading, loaded: undefined }
    this.#matchers.set(account, entry)
    const keep = (matcher: FilterMatcher): void => {
      entry.loaded = matcher
    }
    // A failure is not remembered, or one lost connection would last for ever.
    loading.then(keep).catch(() => {
      if (this.#matchers.get(account) === entry) this.#matchers.delete(account)
    })
    const oldest = this.#matchers.size > MATCHERS_MAX ? this.#matchers.keys().next().value : undefined
    if (oldest !== undefined) this.#matchers.delete(oldest)
    return loading
  }

  matcherNow(account: AccountId): FilterMatcher | 'none' | undefined {
    const matcher = this.#matchers.get(account)?.loaded
    return matcher === matchesNothing ? 'none' : matcher
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]()
  }

  /** The change, the event for other processes and streams, and the end of what this process has compiled. */
  async #write<T>(account: AccountId, work: (tx: Db) => Promise<T>): Promise<T> {
    const { database, outbox } = this.#deps
    const result = await database.transaction(async (tx) => {
      const done = await work(tx)
      await outbox.append(tx, [encodeEvent('filters.changed', account, { account })])
      return done
    })
    this.#matchers.delete(account)
    this.#siblings.tell(CHANGED, account)
    outbox.wake()
    return result
  }
}

async function withKeyword(
  db: Db,
  account: AccountId,
  keywordId: bigint,
): Promise<{ filter: FilterRecord; keyword: FilterKeyword }> {
  const filterId = found(await rows.filterOfKeyword(db, account, keywordId))
  const filter = found(await rows.filterOf(db, account, filterId))
  return { filter, keyword: found(filter.keywords.find(({ id }) => id === keywordId)) }
}

async function changeKeywords(tx: Db, filter: FilterRecord, changes: readonly KeywordChange[]): Promise<void> {
  let count = filter.keywords.length
  for (const change of changes) {
    const known = change.id === undefined ? undefined : found(filter.keywords.find(({ id }) => id === change.id))
    if (known === undefined) {
      if (change.remove === true) continue
      if ((count += 1) > FILTER_KEYWORDS_MAX) throw tooMany('keywords', FILTER_KEYWORDS_MAX)
      const keyword = checkedKeyword(change.keyword ?? '')
      await rows.insertKeyword(tx, filter.id, { keyword, wholeWord: change.wholeWord ?? true })
    } else if (change.remove === true) {
      await rows.deleteKeyword(tx, filter.id, known.id)
      count -= 1
    } else {
      const keyword = checkedKeyword(change.keyword ?? known.keyword)
      await rows.updateKeyword(tx, filter.id, { ...known, keyword, wholeWord: change.wholeWord ?? known.wholeWord })
    }
  }
}

function checkedFilter(filter: Pick<FilterDraft, 'title' | 'contexts'>): Pick<FilterDraft, 'title' | 'contexts'> {
  const title = checkedText('Title', filter.title, FILTER_TITLE_MAX)
  if (filter.contexts.length === 0) throw new AppError('invalid', "Validation failed: Context can't be blank")
  return { title, contexts: [...new Set(filter.contexts)] }
}

function checkedKeyword(keyword: string): string {
  return checkedText('Keyword', keyword, FILTER_KEYWORD_MAX)
}

function checkedText(name: string, text: string, max: number): string {
  const trimmed = text.trim()
  if (trimmed === '') throw new AppError('invalid', `Validation failed: ${name} can't be blank`)
  if (trimmed.length <= max || Array.from(trimmed).length <= max) return trimmed
  throw new AppError('invalid', `Validation failed: ${name} is too long (maximum is ${max} characters)`)
}

function tooMany(what: string, max: number): AppError {
  return new AppError('invalid', `Validation failed: Too many ${what} (maximum is ${max})`)
}

function found<T>(thing: T | undefined): T {
  if (thing === undefined) throw notFound()
  return thing
}
