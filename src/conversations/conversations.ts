/** `Conversations` on PostgreSQL: skeleton (rows), hydrate, rules, page. */
import { noSql, sql, type Database } from '../engines/database/contract.ts'
import { isSilencedFor, type Hydration } from '../hydration/contract.ts'
import type { Cursored, Page } from '../kit/page.ts'
import { ID_MAX, type AccountId, type StatusId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { Conversations, ConversationView } from './contract.ts'

/** Rows looked at for one page, where much of it may not be shown. */
const ROWS_PER_PAGE_MAX = 200

interface ConversationDeps {
  db: Database
  hydration: Pick<Hydration, 'accounts' | 'statuses'>
  graph: Pick<SocialGraph, 'relation'>
}

interface Row {
  id: bigint
  participants: AccountId[]
  last_status: StatusId
  unread: boolean
}

export function openConversations(deps: ConversationDeps): Conversations {
  const { db } = deps
  return {
    list: (account, page) => list(deps, account, page),
    async find(account, id) {
      const row = await db.one<Row>`
        select id, participants, last_status, unread from conversations
        where id = ${id} and account_id = ${account} and not removed`
      return row && (await shown(deps, account, [row]))[0]?.item
    },
    async setUnread(account, id, unread) {
      const changed = await db.run`
        update conversations set unread = ${unread} where id = ${id} and account_id = ${account} and not removed`
      return changed === 1
    },
    async remove(account, id) {
      const removed = await db.run`
        update conversations set removed = true where id = ${id} and account_id = ${account} and not removed`
      return removed === 1
    },
  }
}

async function list(deps: ConversationDeps, account: AccountId, page: Page): Promise<Cursored<ConversationView>[]> {
  const ascending = page.minId !== undefined
  const rows = await deps.db.rows<Row>`
    select id, participants, last_status, unread from conversations
    where account_id = ${account} and not removed and last_status < ${page.maxId ?? ID_MAX}
      and last_status > ${page.minId ?? page.sinceId ?? 0n}
    order by last_status ${ascending ? noSql : sql`desc`} limit ${page.limit === 0 ? 0 : ROWS_PER_PAGE_MAX}`
  const found = (await shown(deps, account, rows)).slice(0, page.limit)
  return ascending ? found.toReversed() : found
}

async function shown(
  { hydration, graph }: ConversationDeps,
  account: AccountId,
  rows: readonly Row[],
): Promise<Cursored<ConversationView>[]> {
  const [statuses, accounts] = await Promise.all([
    hydration.statuses([...new Set(rows.map((row) => row.last_status))], account),
    hydration.accounts([...new Set(rows.flatMap((row) => row.participants))]),
  ])
  const statusById = new Map(statuses.map((view) => [view.status.id, view]))
  const accountById = new Map(accounts.map((view) => [view.account.id, view]))
  return rows.flatMap(({ id, participants, last_status: cursor, unread }) => {
    const lastStatus = statusById.get(cursor)
    if (lastStatus === undefined) return []
    const author = lastStatus.status.accountId
    if (author !== account && isSilencedFor(graph.relation(account, author))) return []
    const others = participants.flatMap((each) => accountById.get(each) ?? [])
    return [{ cursor, item: { id, unread, accounts: others, lastStatus } }]
  })
}
