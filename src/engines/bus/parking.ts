/** `ParkingLot` on PostgreSQL: table `parked_messages`. */
import type { Database } from '../database/contract.ts'
import type { BusMessage, Parked, ParkedEntry, ParkingLot } from './contract.ts'

/** Of an error's text. */
const ERROR_CHARACTERS_MAX = 1_000

export function openParking(db: Database): ParkingLot {
  return {
    park: (entry) => park(db, entry),
    list: (limit, beforeId) => list(db, limit, beforeId),
    replay: (ids, publish) =>
      db.transaction(async (tx) => {
        const rows = await tx.rows<ParkedRow>`
          delete from parked_messages where id = any(${ids}::int8[])
          returning id, consumer, message_id, key, type, version, body, created_at, error, parked_at`
        const oldestFirst = rows.map(entryOf).toSorted((a, b) => (a.id < b.id ? -1 : 1))
        for (const entry of oldestFirst) await publish(tx, entry.message)
        return rows.length
      }),
    remove: (ids) => db.run`delete from parked_messages where id = any(${ids}::int8[])`,
    count: async () => {
      const row = await db.one<{ count: bigint }>`select count(*) from parked_messages`
      return Number(row?.count ?? 0n)
    },
  }
}

interface ParkedRow {
  id: bigint
  consumer: string
  message_id: bigint
  key: bigint
  type: string
  version: number
  body: string
  created_at: Date
  error: string
  parked_at: Date
}

async function park(db: Database, { group, message, error }: Parked): Promise<void> {
  // PostgreSQL's text has no NUL, and nothing may keep a message from being parked.
  const text = error.replaceAll('\0', '').slice(0, ERROR_CHARACTERS_MAX)
  await db.run`
    insert into parked_messages (consumer, message_id, key, type, version, body, created_at, error)
    values (${group}, ${message.id}, ${message.key}, ${message.type}, ${message.version}, ${message.body},
      ${new Date(message.createdAtMs)}, ${text})
    on conflict (consumer, message_id) do update set error = excluded.error, parked_at = excluded.parked_at`
}

async function list(db: Database, limit: number, beforeId = 2n ** 63n - 1n): Promise<ParkedEntry[]> {
  const rows = await db.rows<ParkedRow>`
    select id, consumer, message_id, key, type, version, body, created_at, error, parked_at
    from parked_messages where id < ${beforeId} order by id desc limit ${limit}`
  return rows.map(entryOf)
}

function entryOf(row: ParkedRow): ParkedEntry {
  const message: BusMessage = {
    id: row.message_id,
    key: row.key,
    type: row.type,
    version: row.version,
    body: row.body,
    createdAtMs: row.created_at.getTime(),
  }
  return { id: row.id, group: row.consumer, message, error: row.error, parkedAtMs: row.parked_at.getTime() }
}
