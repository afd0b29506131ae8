/**
 * People, statuses and edges in memory around the real tables of notifications: a test changes the world, hands the
 * consumer the event (in any order, any number of times) and reads as the API does.
 */
import type { AccountRecord } from '../../src/accounts/contract.ts'
import type { Handler } from '../../src/engines/bus/contract.ts'
import type { OutboxMessage } from '../../src/engines/outbox/contract.ts'
import { decodeEvent, encodeEvent, type EventBodies, type EventType } from '../../src/events/contract.ts'
import { canSee, type AccountView, type Hydration, type StatusView } from '../../src/hydration/contract.ts'
import type { Clock } from '../../src/kit/clock.ts'
import { notificationConsumer } from '../../src/notifications/consumer.ts'
import type { Notifications } from '../../src/notifications/contract.ts'
import { migrations } from '../../src/notifications/migrations.ts'
import { notifications } from '../../src/notifications/notifications.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import type { Relation } from '../../src/social-graph/contract.ts'
import type { StatusRecord } from '../../src/status-store/contract.ts'
import { openTestDatabase, type TestDatabase } from './database.ts'

export const START_MS = Date.parse('2026-11-02T12:00:00Z')
const DAY_MS = 24 * 60 * 60 * 1000

export const alice = 1n as AccountId
export const bob = 2n as AccountId
export const carol = 3n as AccountId
export const dan = 4n as AccountId

const NO_RELATION: Relation = {
  following: false,
  showingBoosts: false,
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

export class NotificationWorld implements AsyncDisposable {
  readonly database: TestDatabase
  readonly notifications: Notifications
  readonly hydration: Pick<Hydration, 'accounts' | 'statuses'>
  /** What was announced on the outbox, in order. */
  readonly announced: EventBodies['notification.created'][] = []
  readonly accounts = new Map<AccountId, AccountRecord>()
  readonly statuses = new Map<StatusId, StatusRecord>()
  /** `${viewer}>${target}` → what differs from no relation at all. */
  readonly relations = new Map<string, Partial<Relation>>()
  readonly favourites = new Set<string>()
  readonly mutedConversations = new Set<string>()
  nowMs = START_MS
  #handler: Handler | undefined
  #messages = 0n

  constructor(database: TestDatabase) {
    this.database = database
    const clock: Clock = { nowMs: () => this.nowMs, sleep: async () => {} }
    const graph = {
      relation: (viewer: AccountId, target: AccountId) => this.relation(viewer, target),
      bellFollowers: (author: AccountId) =>
        [...this.accounts.keys()].filter((id) => this.relation(id, author).notifying),
    }
    this.hydration = {
      accounts: async (ids: readonly AccountId[]) => ids.flatMap((id) => this.#accountView(id) ?? []),
      statuses: async (ids: readonly StatusId[], viewer: AccountId | undefined) =>
        ids.flatMap((id) => this.#statusView(id, viewer) ?? []),
    }
    this.notifications = notifications({ database, hydration: this.hydration, graph, clock })
    notificationConsumer({
      bus: { join: (_group, _types, handler) => this.#join(handler) },
      database,
      outbox: {
        append: async (_tx, messages) => this.#announce(messages),
        wake: () => {},
      },
      statuses: {
        hold: async (_tx, id) => this.statuses.get(id),
        byIds: async (ids) => ids.flatMap((id) => this.statuses.get(id) ?? []),
        marks: async (viewer, statuses) =>
          new Map(
            statuses.map(({ id }) => {
              const favourited = this.favourites.has(`${viewer}>${id}`)
              return [id, { favourited, boosted: false, bookmarked: false, pinned: false, muted: false }]
            }),
          ),
        boostedBy: async (id) =>
          [...this.statuses.values()]
            .filter(({ boostOf }) => boostOf === id)
            .map((boost) => ({ cursor: boost.id, item: boost.accountId })),
        polls: async () => new Map(),
        pollVoters: async () => [],
        isConversationMuted: async (account, conversation) => this.mutedConversations.has(`${account}>${conversation}`),
      },
      accounts: { byIds: async (ids) => ids.flatMap((id) => this.accounts.get(id) ?? []) },
      graph,
      clock,
    })
    for (const [id, name] of [
      [alice, 'alice'],
      [bob, 'bob'],
      [carol, 'carol'],
      [dan, 'dan'],
    ] as const) {
      this.addAccount(id, name)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database[Symbol.asyncDispose]()
  }

  addAccount(id: AccountId, username: string): AccountRecord {
    const account: AccountRecord = {
      id,
      username,
      displayName: '',
      note: '',
      fields: [],
      avatar: null,
      header: null,
      locked: false,
      bot: false,
      discoverable: null,
      indexable: false,
      hideCollections: null,
      createdAtMs: START_MS - 400 * DAY_MS,
      suspended: false,
      silenced: false,
    }
    this.accounts.set(id, account)
    return account
  }

  /** A status in the store; tell the consumer with `created`. */
  addStatus(id: bigint, accountId: AccountId, of: Partial<StatusRecord> = {}): StatusRecord {
    const status: StatusRecord = {
      id: id as StatusId,
      accountId,
      visibility: 'public',
      boostOf: null,
      inReplyTo: null,
      inReplyToAccount: null,
      conversation: id as StatusId,
      text: 'a text',
      spoilerText: '',
      sensitive: false,
      language: 'en',
      mentions: [],
      tags: [],
      media: [],
      appId: null,
      createdAtMs: this.nowMs,
      editedAtMs: null,
      revision: 0,
      ...of,
    }
    this.statuses.set(status.id, status)
    return status
  }

  relation(viewer: AccountId, target: AccountId): Relation {
    return { ...NO_RELATION, ...this.relations.get(`${viewer}>${target}`) }
  }

  /** What `viewer` thinks of `target`; both sides of a follow or block are kept. */
  relate(viewer: AccountId, target: AccountId, relation: Partial<Relation>): void {
    const merge = (key: string, more: Partial<Relation>) =>
      this.relations.set(key, { ...this.relations.get(key), ...more })
    merge(`${viewer}>${target}`, relation)
    const { following, requested, blocking } = relation
    merge(`${target}>${viewer}`, {
      ...(following !== undefined && { followedBy: following }),
      ...(requested !== undefined && { requestedBy: requested }),
      ...(blocking !== undefined && { blockedBy: blocking }),
    })
  }

  /** Delivers one event to the consumer, as the bus does. */
  async tell<T extends EventType>(type: T, body: EventBodies[T]): Promise<void> {
    this.#messages += 1n
    const event = encodeEvent(type, 1n, body)
    await this.#handler?.({ ...event, id: this.#messages, createdAtMs: this.nowMs })
  }

  created(status: StatusRecord): Promise<void> {
    const boosted = status.boostOf === null ? undefined : this.statuses.get(status.boostOf)
    return this.tell('status.created', {
      id: status.id,
      author: status.accountId,
      visibility: status.visibility,
      boostOf: status.boostOf,
      boostedAuthor: boosted?.accountId ?? null,
      inReplyTo: status.inReplyTo,
      inReplyToAuthor: status.inReplyToAccount,
      mentions: [...status.mentions],
      acceptedAtMs: this.nowMs,
    })
  }

  favourite(by: AccountId, status: StatusRecord): Promise<void> {
    this.favourites.add(`${by}>${status.id}`)
    return this.tell('favourite.added', { status: status.id, author: status.accountId, by })
  }

  unfavourite(by: AccountId, status: StatusRecord): Promise<void> {
    this.favourites.delete(`${by}>${status.id}`)
    return this.tell('favourite.removed', { status: status.id, author: status.accountId, by })
  }

  /** `type from`, newest first, as the recipient sees them now. */
  async shown(recipient: AccountId): Promise<string[]> {
    const filter = { types: undefined, excludeTypes: undefined, from: undefined }
    const views = await this.notifications.list(recipient, { limit: 80 }, filter)
    return views.map(({ record, from }) => `${record.type} ${from.account.username}`)
  }

  #join(handler: Handler): AsyncDisposable {
    this.#handler = handler
    return { [Symbol.asyncDispose]: async () => {} }
  }

  #announce(messages: readonly OutboxMessage[]): void {
    for (const message of messages) this.announced.push(decodeEvent('notification.created', message))
  }

  #accountView(id: AccountId): AccountView | undefined {
    const account = this.accounts.get(id)
    return account && { account, followers: 0, following: 0, statuses: 0, lastStatusAtMs: null }
  }

  #statusView(id: StatusId, viewer: AccountId | undefined): StatusView | undefined {
    const status = this.statuses.get(id)
    const author = status && this.#accountView(status.accountId)
    if (status === undefined || author === undefined) return undefined
    const relation = viewer === undefined ? undefined : this.relation(viewer, status.accountId)
    if (!canSee(viewer, status, { authorSuspended: author.account.suspended, relation })) return undefined
    const muted = this.mutedConversations.has(`${viewer}>${status.conversation}`)
    return {
      status,
      author,
      boostOf: undefined,
      media: [],
      mentions: [],
      counts: { replies: 0, boosts: 0, favourites: 0 },
      app: undefined,
      marks: { favourited: false, boosted: false, bookmarked: false, pinned: false, muted },
    }
  }
}

export async function notificationWorld(): Promise<NotificationWorld> {
  return new NotificationWorld(await openTestDatabase(migrations))
}
