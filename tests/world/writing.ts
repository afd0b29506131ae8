/** A write API on a real database, among a few people who are kept in memory. */
import assert from 'node:assert/strict'

import type { AccountRecord, UserRecord } from '../../src/accounts/contract.ts'
import { openDatabase, type ConnectionSettings } from '../../src/engines/database/connection.ts'
import { allMigrations } from '../../src/engines/database/migrate.ts'
import { migrations as outboxMigrations } from '../../src/engines/outbox/migrations.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import type { Hydration } from '../../src/hydration/contract.ts'
import { CachedHydration } from '../../src/hydration/hydration.ts'
import { AppError, type ErrorCode } from '../../src/kit/errors.ts'
import { silentLog } from '../../src/kit/log.ts'
import { migrations as mediaMigrations } from '../../src/media/migrations.ts'
import {
  attachMedia,
  deleteMedia,
  detachMedia,
  insertMedia,
  mediaByIds,
  mediaOfStatus,
  updateMedia,
} from '../../src/media/table.ts'
import type { DueWork } from '../../src/scheduler/contract.ts'
import { firstIdAt, type AccountId, type MediaId, type StatusId } from '../../src/snowflake/contract.ts'
import type { Relation, SocialGraph } from '../../src/social-graph/contract.ts'
import type { StatusRecord, StatusStore } from '../../src/status-store/contract.ts'
import { migrations as statusMigrations } from '../../src/status-store/migrations.ts'
import { openStatusStore } from '../../src/status-store/store.ts'
import type { Draft, Edit, ScheduledPost, WriteApi } from '../../src/write-api/contract.ts'
import { pollClosing } from '../../src/write-api/poll-closing.ts'
import { scheduledPosting } from '../../src/write-api/scheduling.ts'
import { openWriteApi, type WriteApiDeps } from '../../src/write-api/write-api.ts'
import { openTestDatabase, type TestDatabase } from './database.ts'
import { accountId, handClock, mediaId, NOON_MS, type HandClock } from './statuses.ts'

const migrations = allMigrations(statusMigrations, mediaMigrations, outboxMigrations)

/** Everyone, by number: their ids. */
export const ALICE = accountId(1)
export const BOB = accountId(2)
export const CAROL = accountId(3)
export const DAN = accountId(4)
const USERNAMES = ['Alice', 'bob', 'carol', 'dan']

export interface ToldEvent {
  key: bigint
  type: string
  body: Record<string, unknown>
}

export interface WritingWorld extends AsyncDisposable {
  db: TestDatabase
  store: StatusStore
  api: WriteApi
  clock: HandClock
  /** The real one, with its caches. */
  hydration: Hydration
  graph: Pick<SocialGraph, 'relation'>
  /** Ids that the caches were told to forget. */
  forgotten: Set<bigint>
  /** Changes what `viewer` is to `target`. */
  relate(viewer: AccountId, target: AccountId, relation: Partial<Relation>): void
  changePerson(id: AccountId, change: Partial<AccountRecord & UserRecord>): void
  /** An uploaded picture of the owner. */
  picture(owner: AccountId, description?: string): Promise<MediaId>
  pictureStatus(id: MediaId): Promise<StatusId | null | undefined>
  /** Events in the outbox, in the order they were written. */
  events(): Promise<ToldEvent[]>
  status(id: StatusId): Promise<StatusRecord | undefined>
  post(author: AccountId, draft?: Partial<Draft>): Promise<StatusRecord>
  edit(author: AccountId, id: StatusId, edit: Partial<Edit>): Promise<StatusRecord>
  schedule(author: AccountId, draft: Partial<Draft>, atMs: number): Promise<ScheduledPost>
  /** What the scheduler does in the order in which it does it here. */
  dueWorks: DueWork[]
}

export interface WritingOptions {
  charactersMax?: number
  /** Another process of a world that is there already; its ids begin later. */
  on?: ConnectionSettings
}

export async function openWritingWorld({ charactersMax = 500, on }: WritingOptions = {}): Promise<WritingWorld> {
  const db = on === undefined ? await openTestDatabase(migrations) : openOther(on)
  const clock = handClock()
  const store = openStatusStore({ db, clock })
  const people = new Map(USERNAMES.map((username, index) => [accountId(index + 1), person(index + 1, username)]))
  const relations = new Map<string, Partial<Relation>>()
  const relation = (viewer: AccountId, target: AccountId): Relation => ({
    ...STRANGERS,
    ...relations.get(`${viewer} ${target}`),
  })
  const forgotten = new Set<bigint>()
  let minted = firstIdAt(on === undefined ? NOON_MS : NOON_MS + 60_000)
  const next = <Id extends bigint>(): Id => (minted += 1n) as Id // unique and ascending, as the real ones
  const cached = new CachedHydration({
    accounts: { byIds: async (ids) => ids.flatMap((id) => people.get(id) ?? []) },
    oauth: { appById: async () => undefined },
    graph: { changes: 0, relation, followerCount: () => 0, followingCount: () => 0 },
    statuses: store,
    media: { byIds: (ids) => mediaByIds(db, ids) },
  })
  const hydration: Hydration = {
    statuses: (ids, viewer) => cached.statuses(ids, viewer),
    status: (id, viewer) => cached.status(id, viewer),
    unjudged: (id) => cached.unjudged(id),
    accounts: (ids) => cached.accounts(ids),
    forgetStatus: (id) => {
      forgotten.add(id)
      cached.forgetStatus(id)
    },
    forgetAccount: (id) => {
      forgotten.add(id)
      cached.forgetAccount(id)
    },
    expect: (statuses) => cached.expect(statuses),
    forgetMarks: (viewer, status) => cached.forgetMarks(viewer, status),
  }
  const deps: WriteApiDeps = {
    db,
    clock,
    statuses: store,
    outbox: openOutbox({ db, clock }),
    log: silentLog,
    rules: { localDomain: 'example.org', charactersMax },
    snowflakes: { next, nextText: () => String(next()), at: next, ready: () => true },
    graph: { relation },
    accounts: {
      byUsernames: async (names) => [...people.values()].filter((one) => names.includes(one.username.toLowerCase())),
      user: async (id) => people.get(id),
    },
    media: {
      attach: attachMedia,
      attachedTo: mediaOfStatus,
      detach: (tx, status) => detachMedia(tx, status, clock.nowMs()),
      update: (owner, id, change, tx) => updateMedia(tx ?? db, owner, id, change),
      remove: async (owner, ids) => {
        await deleteMedia(db, owner, ids)
      },
    },
    hydration,
  }
  const api = openWriteApi(deps)
  return {
    db,
    store,
    api,
    clock,
    hydration,
    graph: { relation },
    forgotten,
    relate: (viewer, target, change) => relations.set(`${viewer} ${target}`, change),
    changePerson: (id, change) => {
      const before = people.get(id)
      if (before !== undefined) people.set(id, { ...before, ...change })
      cached.forgetAccount(id)
    },
    picture: async (owner, description) => {
      const id = mediaId(next())
      await insertMedia(db, picture(id, owner, description ?? null))
      return id
    },
    pictureStatus: async (id) => (await mediaByIds(db, [id]))[0]?.statusId,
    events: async () => {
      const rows = await db.rows<{ key: bigint; type: string; body: string }>`select * from outbox order by id`
      return rows.map(({ key, type, body }) => ({ key, type, body: JSON.parse(body) }))
    },
    status: async (id) => (await store.byIds([id]))[0],
    post: (author, draft) => api.post(author, { ...EMPTY_DRAFT, text: 'Hello', ...draft }),
    edit: (author, id, edit) => api.edit(author, id, { ...EMPTY_EDIT, ...edit }),
    schedule: (author, draft, atMs) => api.schedule(author, { ...EMPTY_DRAFT, ...draft }, atMs),
    dueWorks: [pollClosing(deps), scheduledPosting(deps)],
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  }
}

/** The attempt is refused with that code, and nothing is told of it. */
export async function refused(
  world: WritingWorld,
  attempt: () => Promise<unknown>,
  code: ErrorCode,
  text?: string,
): Promise<void> {
  const before = await world.events()
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof AppError, String(error))
    assert.deepEqual([error.code, error.message], [code, text ?? error.message])
    return true
  })
  assert.deepEqual(await world.events(), before)
}

function openOther(connection: ConnectionSettings): TestDatabase {
  return Object.assign(openDatabase({ connection, poolSize: 5, log: silentLog }), { connection })
}

const EMPTY_DRAFT: Draft = {
  text: '',
  spoilerText: '',
  visibility: undefined,
  sensitive: undefined,
  language: undefined,
  inReplyTo: undefined,
  media: [],
  allowedMentions: undefined,
  idempotencyKey: undefined,
  appId: null,
}

const EMPTY_EDIT: Edit = {
  text: '',
  spoilerText: '',
  sensitive: undefined,
  language: undefined,
  media: undefined,
  mediaChanges: [],
}

const STRANGERS: Relation = {
  following: false,
  showingBoosts: true,
  notifying: false,
  languages: null,
  followedBy: false,
  requested: false,
  requestedBy: false,
  blocking: false,
  blockedBy: false,
  muting: false,
  mutingNotifications: false,
  muteExpiresAtMs: null,
  endorsed: false,
}

function person(id: number, username: string): AccountRecord & UserRecord {
  return {
    id: accountId(id),
    accountId: accountId(id),
    username,
    displayName: username,
    note: '',
    fields: [],
    avatar: null,
    header: null,
    locked: false,
    bot: false,
    discoverable: true,
    indexable: true,
    hideCollections: null,
    createdAtMs: NOON_MS,
    suspended: false,
    silenced: false,
    email: `${username}@example.org`,
    role: 'user',
    locale: 'en',
    confirmed: true,
    approved: true,
    disabled: false,
    reason: '',
    defaultPrivacy: 'public',
    defaultSensitive: false,
    defaultLanguage: null,
    lastActiveMs: NOON_MS,
  }
}

function picture(id: MediaId, owner: AccountId, description: string | null) {
  return {
    id,
    accountId: owner,
    statusId: null,
    type: 'image' as const,
    mime: 'image/png',
    key: `${id}.png`,
    smallKey: `${id}-small.png`,
    original: { width: 8, height: 6 },
    small: { width: 4, height: 3 },
    focus: null,
    blurhash: null,
    description,
    createdAtMs: NOON_MS,
  }
}
