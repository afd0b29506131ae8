/** Notes what is used in public: hashtags and links of statuses, and statuses that others boost and favourite. */
import type { Bus, BusMessage } from '../engines/bus/contract.ts'
import type { Database } from '../engines/database/contract.ts'
import { decodeEvent } from '../events/contract.ts'
import { Batches } from '../kit/batches.ts'
import { idTimeMs, type AccountId, type StatusId } from '../snowflake/contract.ts'
import type { StatusRecord, StatusStore } from '../status-store/contract.ts'
import { linkedUrls } from '../text/entities.ts'
import { tokenize } from '../text/tokens.ts'
import { insertUses, type Use } from './trend-rows.ts'

const BATCH_MAX = 500
/** Hashtags and links of one status that count; more is no conversation. */
const SUBJECTS_MAX = 5
const URL_BYTES_MAX = 2_000

const EVENTS = ['status.created', 'favourite.added'] as const

/** `by` did something with `status` that says "look": wrote, boosted or favourited it. */
interface Act {
  status: StatusId
  by: AccountId
  atMs: number
}

export interface UsesDeps {
  bus: Pick<Bus, 'join'>
  database: Database
  statuses: Pick<StatusStore, 'byIds'>
}

/** Joins the group `trends` until disposed. */
export function noteUses({ bus, database, statuses }: UsesDeps): AsyncDisposable {
  const batches = new Batches<Act>(async (acts) => {
    const records = await statuses.byIds([...new Set(acts.map(({ status }) => status))])
    const byId = new Map(records.map((record) => [record.id, record]))
    await insertUses(
      database,
      acts.flatMap((act) => usesOf(act, byId.get(act.status))),
    )
  }, BATCH_MAX)
  return bus.join('trends', EVENTS, async (message) => {
    const act = actOf(message)
    if (act !== undefined) await batches.add(act)
  })
}

function actOf(message: BusMessage): Act | undefined {
  if (message.type === 'favourite.added') {
    const { status, by } = decodeEvent('favourite.added', message)
    return { status, by, atMs: message.createdAtMs }
  }
  const { id, author, visibility, boostOf } = decodeEvent('status.created', message)
  if (visibility !== 'public') return undefined
  return { status: boostOf ?? id, by: author, atMs: idTimeMs(id) }
}

function usesOf({ status, by, atMs }: Act, record: StatusRecord | undefined): Use[] {
  if (record === undefined || record.visibility !== 'public' || record.boostOf !== null) return []
  const use = { account: by, source: status, atMs }
  // Whoever marks a status says that the status matters, not that they speak of what is in it.
  if (by !== record.accountId) return [{ ...use, kind: 'status', subject: status.toString() }]
  const tags = record.tags.slice(0, SUBJECTS_MAX).map((subject): Use => ({ ...use, kind: 'tag', subject }))
  const urls = linkedUrls(tokenize(record.text)).filter((url) => Buffer.byteLength(url) <= URL_BYTES_MAX)
  return [...tags, ...urls.slice(0, SUBJECTS_MAX).map((subject): Use => ({ ...use, kind: 'link', subject }))]
}
