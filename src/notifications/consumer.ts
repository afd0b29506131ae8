/**
 * The group 'notifications' of the bus: events become rows, or rows go. Whatever order and however often events come, the
 * outcome is that of the present state: statuses are read again and held while the row is written, favourites are
 * compared until row and favourite agree, and edges of the graph carry a version (reliability R4, R5, R7, R10, R11).
 */
import type { AccountRecord, Accounts } from '../accounts/contract.ts'
import type { Bus, BusMessage } from '../engines/bus/contract.ts'
import { decodeEvent, type EventBodies, type EventType } from '../events/contract.ts'
import { canSee } from '../hydration/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { StatusRecord, StatusStore } from '../status-store/contract.ts'
import type { NotificationType } from './contract.ts'
import { groupKeyFor } from './group-key.ts'
import { permissionsFor, policiesOf } from './policies.ts'
import {
  deleteFavourite,
  deleteOfAccount,
  deleteOfStatus,
  dismissFrom,
  dismissRequest,
  retractEdge,
  writeNews,
  type Recipient,
  type WriteDeps,
} from './rows.ts'
import { DEFAULT_POLICY, isUnwelcomeCompany, mayNotify, policyChoice } from './rules.ts'

const NOTIFICATION_EVENTS = [
  'status.created',
  'status.edited',
  'status.deleted',
  'favourite.added',
  'favourite.removed',
  'poll.closed',
  'graph.changed',
  'account.changed',
] as const satisfies readonly EventType[]

/** Recipients told of one status in one transaction. */
const RECIPIENTS_PAGE = 200
/** How often a favourite is looked at before the next event about it must settle it. */
const SETTLE_ROUNDS_MAX = 3

export interface ConsumerDeps extends WriteDeps {
  bus: Pick<Bus, 'join'>
  statuses: Pick<StatusStore, 'hold' | 'byIds' | 'marks' | 'boostedBy' | 'isConversationMuted' | 'polls' | 'pollVoters'>
  accounts: Pick<Accounts, 'byIds'>
  graph: Pick<SocialGraph, 'bellFollowers' | 'relation'>
  clock: Clock
}

export function notificationConsumer(deps: ConsumerDeps): AsyncDisposable {
  return deps.bus.join('notifications', NOTIFICATION_EVENTS, (message) => handle(deps, message))
}

async function handle(deps: ConsumerDeps, message: BusMessage): Promise<void> {
  switch (message.type) {
    case 'status.created':
      return statusCreated(deps, decodeEvent('status.created', message), message.createdAtMs)
    case 'status.edited':
      return statusEdited(deps, decodeEvent('status.edited', message), message.createdAtMs)
    case 'status.deleted':
      return deleteOfStatus(deps.database, decodeEvent('status.deleted', message).id)
    case 'favourite.added':
      return favouriteChanged(deps, decodeEvent('favourite.added', message), message.createdAtMs)
    case 'favourite.removed':
      return favouriteChanged(deps, decodeEvent('favourite.removed', message), message.createdAtMs)
    case 'poll.closed':
      return pollClosed(deps, decodeEvent('poll.closed', message), message.createdAtMs)
    case 'graph.changed':
      return graphChanged(deps, decodeEvent('graph.changed', message), message.createdAtMs)
    case 'account.changed': {
      const { id, change } = decodeEvent('account.changed', message)
      return change === 'deleted' ? deleteOfAccount(deps.database, id) : undefined
    }
  }
}

async function statusCreated(deps: ConsumerDeps, body: EventBodies['status.created'], atMs: number): Promise<void> {
  // Most statuses concern nobody: that is known without asking the database.
  const concerns = body.boostOf !== null || body.mentions.length > 0 || deps.graph.bellFollowers(body.author).length > 0
  if (!concerns) return
  const found = await statusAndAuthor(deps, body.id)
  if (found === undefined) return
  const { status, author: sender } = found
  if (status.boostOf !== null) {
    const [boosted] = await deps.statuses.byIds([status.boostOf])
    if (boosted === undefined) return
    const news = { type: 'reblog', sender, source: status.id, status: boosted, atMs } as const
    return tell(deps, news, [boosted.accountId])
  }
  await tell(deps, { type: 'mention', sender, source: status.id, status, atMs }, status.mentions)
  await tellNotifiedFollowers(deps, status, sender, atMs)
}

/** As Mastodon: boosters learn of the edit, and people the new text mentions are told as by a new status. */
async function statusEdited(deps: ConsumerDeps, body: EventBodies['status.edited'], atMs: number): Promise<void> {
  const found = await statusAndAuthor(deps, body.id)
  if (found === undefined) return
  const { status, author: sender } = found
  await tell(deps, { type: 'mention', sender, source: status.id, status, atMs }, status.mentions)
  // The newest revision, whichever event this is: of two edits that come in the wrong order, one notification remains.
  const edit = { type: 'update', sender, source: status.id, status, version: BigInt(status.revision), atMs } as const
  let maxId: bigint | undefined
  for (;;) {
    const boosters = await deps.statuses.boostedBy(status.id, { maxId, limit: RECIPIENTS_PAGE })
    await tell(
      deps,
      edit,
      boosters.map(({ item }) => item),
    )
    maxId = boosters.at(-1)?.cursor
    if (maxId === undefined || boosters.length < RECIPIENTS_PAGE) return
  }
}

/** Who asked and who voted. A poll that an edit opened again ends again, which is news again. */
async function pollClosed(deps: ConsumerDeps, body: EventBodies['poll.closed'], atMs: number): Promise<void> {
  const found = await statusAndAuthor(deps, body.status)
  const poll = (await deps.statuses.polls([body.status])).get(body.status)
  if (found === undefined || poll?.closed !== true) return
  const { status, author: sender } = found
  const end = { type: 'poll', sender, source: status.id, status, version: BigInt(atMs), atMs } as const
  await tell(deps, end, [status.accountId])
  let after: AccountId | undefined
  for (;;) {
    const voters = await deps.statuses.pollVoters(status.id, after, RECIPIENTS_PAGE)
    await tell(deps, end, voters)
    after = voters.at(-1)
    if (after === undefined || voters.length < RECIPIENTS_PAGE) return
  }
}

/** Followers who asked to hear of every status (the bell); those mentioned have heard already. */
async function tellNotifiedFollowers(
  deps: ConsumerDeps,
  status: StatusRecord,
  sender: AccountRecord,
  atMs: number,
): Promise<void> {
  const answersOthers = status.inReplyTo !== null && status.inReplyToAccount !== status.accountId
  if (status.visibility === 'direct' || answersOthers) return
  const mentioned = new Set(status.mentions)
  const news = { type: 'status', sender, source: status.id, status, atMs } as const
  const waiting = deps.graph
    .bellFollowers(status.accountId)
    .filter((follower) => !mentioned.has(follower) && wantsEveryStatus(deps.graph, follower, status))
  for (let from = 0; from < waiting.length; from += RECIPIENTS_PAGE) {
    await tell(deps, news, waiting.slice(from, from + RECIPIENTS_PAGE))
  }
}

function wantsEveryStatus(graph: ConsumerDeps['graph'], follower: AccountId, status: StatusRecord): boolean {
  const { notifying, languages } = graph.relation(follower, status.accountId)
  return notifying && (languages === null || status.language === null || languages.includes(status.language))
}

/** Added and removed alike: row and favourite are compared until they agree, so that neither order nor haste matters. */
async function favouriteChanged(
  deps: ConsumerDeps,
  body: EventBodies['favourite.added' | 'favourite.removed'],
  atMs: number,
): Promise<void> {
  const [sender] = await deps.accounts.byIds([body.by])
  let settled: boolean | undefined
  for (let round = 0; round < SETTLE_ROUNDS_MAX; round += 1) {
    const [status] = await deps.statuses.byIds([body.status])
    const marks = status === undefined ? undefined : await deps.statuses.marks(body.by, [status])
    const stands = marks?.get(body.status)?.favourited === true
    if (stands === settled) return
    if (stands && status !== undefined && sender !== undefined) {
      await tell(deps, { type: 'favourite', sender, source: status.id, status, atMs }, [status.accountId])
    } else {
      await deleteFavourite(deps.database, body.status, body.by)
    }
    settled = stands
  }
}

async function graphChanged(deps: ConsumerDeps, body: EventBodies['graph.changed'], atMs: number): Promise<void> {
  const { source, target, version } = body
  const edge = { recipient: target, sender: source, version, atMs }
  const retract = (type: 'follow' | 'follow_request', direction = edge) =>
    retractEdge(deps.database, { type, ...direction })
  switch (body.change) {
    case 'followed':
      await dismissRequest(deps.database, edge)
      return tellEdge(deps, 'follow', body, atMs)
    case 'request_accepted':
      await retract('follow_request')
      return tellEdge(deps, 'follow', body, atMs)
    case 'requested':
      return tellEdge(deps, 'follow_request', body, atMs)
    case 'unfollowed':
      return retract('follow')
    case 'request_withdrawn':
    case 'request_rejected':
      return retract('follow_request')
    case 'blocked': {
      // A block ends the edges of both directions; an event of theirs may come later than this one.
      const back = { ...edge, recipient: source, sender: target }
      for (const direction of [edge, back]) {
        await retract('follow', direction)
        await retract('follow_request', direction)
      }
      return dismissFrom(deps.database, source, target)
    }
    case 'follow_changed':
    case 'unblocked':
    case 'muted':
    case 'unmuted':
    case 'endorsed':
    case 'unendorsed':
      return undefined
  }
}

async function tellEdge(
  deps: ConsumerDeps,
  type: 'follow' | 'follow_request',
  edge: EventBodies['graph.changed'],
  atMs: number,
): Promise<void> {
  const [sender] = await deps.accounts.byIds([edge.source])
  if (sender === undefined) return
  await tell(deps, { type, sender, source: null, status: undefined, version: edge.version, atMs }, [edge.target])
}

interface Story {
  type: NotificationType
  sender: AccountRecord
  source: StatusId | null
  /** What it is about: of a boost, the boosted status. */
  status: StatusRecord | undefined
  version?: bigint
  atMs: number
}

/** Applies the rules for each recipient and writes what remains. */
async function tell(deps: ConsumerDeps, story: Story, candidates: readonly AccountId[]): Promise<void> {
  const { type, sender, status, atMs } = story
  const recipients: AccountId[] = []
  for (const id of candidates) {
    if (await isAllowed(deps, story, id)) recipients.push(id)
  }
  if (recipients.length === 0) return
  const news = {
    type,
    sender: sender.id,
    source: story.source,
    status: status?.id ?? null,
    groupKey: groupKeyFor(type, status?.id ?? null, atMs),
    version: story.version ?? 0n,
    createdAtMs: atMs,
  }
  await writeNews(deps, news, await underPolicy(deps, story, recipients))
}

async function isAllowed(deps: ConsumerDeps, story: Story, recipient: AccountId): Promise<boolean> {
  const { sender, status } = story
  const relation = deps.graph.relation(recipient, sender.id)
  const facts = { type: story.type, recipient, sender: sender.id, senderSuspended: sender.suspended, relation }
  if (status === undefined || !mayNotify({ ...facts, status: null })) return mayNotify({ ...facts, status: null })
  const visible = canSee(recipient, status, sightOf(deps, recipient, story))
  const unwelcomeCompany =
    story.type === 'mention' &&
    isUnwelcomeCompany(recipient, status, (target) => deps.graph.relation(recipient, target))
  // Nobody can have muted a conversation before its first status; but before its first edit.
  const isBeginning = status.inReplyTo === null && status.revision === 0
  const isNewStatus = story.type === 'mention' || story.type === 'status'
  const mayBeMuted = visible && !unwelcomeCompany && !(isBeginning && isNewStatus)
  const conversationMuted = mayBeMuted && (await deps.statuses.isConversationMuted(recipient, status.conversation))
  return mayNotify({ ...facts, status: { visible, conversationMuted, unwelcomeCompany } })
}

/** The status is the sender's own, or (favourites and boosts) the recipient's. */
function sightOf(deps: ConsumerDeps, recipient: AccountId, { sender, status }: Story) {
  const author = status?.accountId ?? sender.id
  return {
    authorSuspended: author === sender.id && sender.suspended,
    relation: deps.graph.relation(recipient, author),
  }
}

/** Leaves out those whose policy drops it, and marks those whose policy holds it back. */
async function underPolicy(deps: ConsumerDeps, story: Story, recipients: readonly AccountId[]): Promise<Recipient[]> {
  const { sender, status, type } = story
  const [policies, permitted] = await Promise.all([
    policiesOf(deps.database, recipients),
    permissionsFor(deps.database, recipients, sender.id),
  ])
  const nowMs = deps.clock.nowMs()
  return recipients.flatMap((id) => {
    const choice = policyChoice(policies.get(id) ?? DEFAULT_POLICY, {
      type,
      recipient: id,
      sender,
      relation: deps.graph.relation(id, sender.id),
      status,
      permitted: permitted.has(id),
      nowMs,
    })
    return choice === 'drop' ? [] : [{ id, filtered: choice === 'filter' }]
  })
}

async function statusAndAuthor(
  deps: ConsumerDeps,
  id: StatusId,
): Promise<{ status: StatusRecord; author: AccountRecord } | undefined> {
  const [status] = await deps.statuses.byIds([id])
  if (status === undefined) return undefined
  const [author] = await deps.accounts.byIds([status.accountId])
  return author === undefined ? undefined : { status, author }
}
