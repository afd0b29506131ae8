/** `Sessions` on PostgreSQL. Only the pages use them, so nothing is cached: an ended session is ended everywhere at once. */
import type { Database } from '../engines/database/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { AccountId, Snowflakes } from '../snowflake/contract.ts'
import { SESSION_IDLE_MS, SESSION_LIFE_MS } from './contract.ts'
import type { Session, Sessions, SessionSummary } from './contract.ts'
import { isSecret, newSecret, secretHash } from './secrets.ts'
import * as sessionTable from './session-table.ts'

/** The time of the last use is written at most this often per session. */
const SEEN_RESOLUTION_MS = 3_600_000
/** More of one account, and the oldest ends: a script that signs in without end fills no table. */
const SESSIONS_MAX = 50
const USER_AGENT_MAX_CHARACTERS = 300

export class StoredSessions implements Sessions {
  readonly #db: Database
  readonly #snowflakes: Snowflakes
  readonly #clock: Clock

  constructor(deps: { db: Database; snowflakes: Snowflakes; clock: Clock }) {
    this.#db = deps.db
    this.#snowflakes = deps.snowflakes
    this.#clock = deps.clock
  }

  async open(accountId: AccountId, userAgent: string): Promise<string> {
    const cookie = newSecret()
    await sessionTable.insertSession(this.#db, {
      id: this.#snowflakes.next<bigint>(),
      cookieHash: secretHash(cookie),
      accountId,
      csrfSecret: newSecret(),
      userAgent: [...userAgent.replaceAll(/\p{Cc}/gu, ' ')].slice(0, USER_AGENT_MAX_CHARACTERS).join(''),
      createdAt: new Date(this.#clock.nowMs()),
    })
    await sessionTable.deleteOldestSessions(this.#db, accountId, SESSIONS_MAX)
    return cookie
  }

  async find(cookie: string): Promise<Session | undefined> {
    if (!isSecret(cookie)) return undefined
    const row = await sessionTable.sessionByCookie(this.#db, secretHash(cookie), this.#limits())
    if (row === undefined) return undefined
    const nowMs = this.#clock.nowMs()
    if (nowMs - row.lastSeenAt.getTime() > SEEN_RESOLUTION_MS) {
      await sessionTable.updateSessionSeen(this.#db, row.id, new Date(nowMs))
    }
    return { id: row.id, accountId: row.accountId, csrfSecret: row.csrfSecret }
  }

  async close(cookie: string): Promise<void> {
    if (isSecret(cookie)) await sessionTable.deleteSessionByCookie(this.#db, secretHash(cookie))
  }

  async list(accountId: AccountId): Promise<SessionSummary[]> {
    const rows = await sessionTable.sessionsOfAccount(this.#db, accountId, this.#limits())
    return rows.map(({ id, userAgent, createdAt, lastSeenAt }) => ({
      id,
      userAgent,
      createdAtMs: createdAt.getTime(),
      lastSeenAtMs: lastSeenAt.getTime(),
    }))
  }

  closeById(accountId: AccountId, id: bigint): Promise<boolean> {
    return sessionTable.deleteSession(this.#db, accountId, id)
  }

  async deleteExpired(): Promise<void> {
    await sessionTable.deleteExpiredSessions(this.#db, this.#limits())
  }

  #limits(): { created: Date; seen: Date } {
    const nowMs = this.#clock.nowMs()
    return { created: new Date(nowMs - SESSION_LIFE_MS), seen: new Date(nowMs - SESSION_IDLE_MS) }
  }
}
