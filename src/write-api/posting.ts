/**
 * A new status. Posts that come together are written together: by `GroupCommit`, in one transaction whose statements take
 * all their rows at once. What cannot be written without a look at its own circumstances (a picture to attach, a key that
 * is taken, a parent that is gone or going) is left out there and written alone.
 */
import assert from 'node:assert/strict'

import type { Db, SqlFragment } from '../engines/database/contract.ts'
import { appending } from '../engines/outbox/contract.ts'
import type { Hydration, Written } from '../hydration/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError, notFound } from '../kit/errors.ts'
import { failpoint } from '../kit/failpoint.ts'
import type { Media } from '../media/contract.ts'
import type { AccountId, Snowflakes, StatusId } from '../snowflake/contract.ts'
import type { NewStatus, PollQuestion, StatusRecord, StatusStore } from '../status-store/contract.ts'
import { commit, type Committing } from './commit.ts'
import type { Draft, ScheduledDraft } from './contract.ts'
import { drafted, identified, parentNotFound, type Drafted, type Drafting } from './drafting.ts'
import { GroupCommit } from './group-commit.ts'
import { pollQuestion } from './polling.ts'
import { statusCreated } from './telling.ts'

export interface Posting extends Committing, Drafting {
  statuses: Pick<
    StatusStore,
    | 'byIds'
    | 'findByIdempotencyKey'
    | 'hold'
    | 'holdUnlocked'
    | 'insertMany'
    | 'insertPoll'
    | 'reserveIdempotencyKey'
    | 'reserveIdempotencyKeys'
  >
  media: Pick<Media, 'attach'>
  hydration: Pick<Hydration, 'accounts' | 'expect' | 'status'>
  snowflakes: Snowflakes
  clock: Clock
}

/** A post on its way. */
interface Post {
  readonly draft: Drafted
  readonly idempotencyKey: string | undefined
  readonly acceptedAtMs: number
  readonly poll: PollQuestion | undefined
  /** Asked first in the transaction: nothing is written when it gives false. */
  readonly claim?: Claim
}

type Claim = (tx: Db) => Promise<boolean>

type IdentifiedPost = Post & { readonly status: NewStatus }

type Poster = (author: AccountId, draft: Draft) => Promise<StatusRecord>

export function openPosting(posting: Posting): Poster {
  const group = new GroupCommit<Post, StatusRecord>({
    keyOf: ({ draft }) => draft.accountId,
    together: (posts) => writeTogether(posting, posts),
    alone: (post) => writeAlone(posting, post),
  })
  const post: Poster = async (author, draft) => {
    const written = await accepted(posting, author, draft)
    const { draft: made, poll } = written
    return made.media.length > 0 || poll !== undefined ? writeAlone(posting, written) : group.add(written)
  }
  return once(posting, post)
}

/**
 * Posts in the transaction in which `claim` takes away what said that it is to be posted. Gives undefined, and has written
 * nothing, when that gives false: somebody else has posted it.
 */
export async function postClaimed(
  posting: Posting,
  author: AccountId,
  draft: ScheduledDraft,
  claim: Claim,
): Promise<StatusRecord | undefined> {
  const fresh = { ...draft, allowedMentions: undefined, idempotencyKey: undefined }
  return tryToWrite(posting, { ...(await accepted(posting, author, fresh)), claim })
}

/** Throws what is wrong with the draft. */
async function accepted(posting: Posting, author: AccountId, draft: Draft): Promise<Post> {
  const acceptedAtMs = posting.clock.nowMs()
  const poll = draft.poll && pollQuestion(draft.poll, acceptedAtMs, draft.media)
  const made = await drafted(posting, author, draft)
  failpoint('W1')
  return { draft: made, idempotencyKey: draft.idempotencyKey, acceptedAtMs, poll }
}

/** Of requests at the same time with one key, one is done, and the others get its answer: or their turn, if it fails. */
function once(posting: Posting, post: Poster): Poster {
  const underWay = new Map<string, Promise<StatusRecord>>()
  return async (author, draft) => {
    const { idempotencyKey: key } = draft
    if (key === undefined) return post(author, draft)
    const name = `${author} ${key}`
    for (let first = underWay.get(name); first !== undefined; first = underWay.get(name)) {
      const answer = await first.catch(() => undefined)
      if (answer !== undefined) return answer
    }
    const own = postOrRepeat(posting, post, { author, key, draft })
    underWay.set(name, own)
    try {
      return await own
    } finally {
      underWay.delete(name)
    }
  }
}

/** A repetition must not fail because its picture is taken by now, or its parent is gone. */
async function postOrRepeat(
  posting: Posting,
  post: Poster,
  { author, key, draft }: { author: AccountId; key: string; draft: Draft },
): Promise<StatusRecord> {
  try {
    return await post(author, draft)
  } catch (error) {
    if (error instanceof AppError && error.code === 'unavailable') throw error
    const before = await statusMadeBy(posting, author, key)
    if (before === undefined) throw error
    return before
  }
}

/** Throws `not_found` when that status has been deleted since, as Mastodon does. */
async function statusMadeBy({ statuses }: Posting, author: AccountId, key: string): Promise<StatusRecord | undefined> {
  const id = await statuses.findByIdempotencyKey(author, key)
  if (id === undefined) return undefined
  const [status] = await statuses.byIds([id])
  if (status === undefined) throw notFound()
  return status
}

async function writeTogether(posting: Posting, posts: readonly Post[]): Promise<(StatusRecord | undefined)[]> {
  const all = posts.map((post) => withId(posting, post))
  const isPlain = all.every(({ status, idempotencyKey: key }) => status.inReplyTo === null && key === undefined)
  const { statuses } = await announced(posting, all, () =>
    isPlain ? writePlain(posting, all) : writeAdmitted(posting, all),
  )
  const written = new Map(statuses.map((status) => [status.id, status]))
  return all.map(({ status }) => written.get(status.id))
}

/** Posts that need no look at anything, in one statement, which is a transaction by itself. */
async function writePlain(posting: Posting, posts: readonly IdentifiedPost[]): Promise<Written> {
  const { db, outbox } = posting
  const events = posts.map(({ status, acceptedAtMs }) => statusCreated(status, null, acceptedAtMs))
  failpoint('W2')
  const stats = await insert(posting, db, posts, (after) => appending(events, after))
  failpoint('W3')
  outbox.wake()
  return { statuses: posts.map(({ status }) => recordOf(status)), stats }
}

/** Those of the posts that may be written now. */
function writeAdmitted(posting: Posting, all: readonly IdentifiedPost[]): Promise<Written> {
  return commit(posting, async (tx, tell) => {
    const admitted = await admit(posting, tx, all)
    const stats = await insert(posting, tx, admitted)
    for (const post of admitted) tell(statusCreated(post.status, null, post.acceptedAtMs))
    return { statuses: admitted.map(({ status }) => recordOf(status)), stats }
  })
}

/** Those whose parent stays there and whose key is free, from now on until the end of the transaction. */
async function admit({ statuses }: Posting, tx: Db, posts: readonly IdentifiedPost[]): Promise<IdentifiedPost[]> {
  const parents = posts.flatMap(({ status }) => status.inReplyTo ?? [])
  const held = await statuses.holdUnlocked(tx, parents)
  const possible = posts.filter(({ status }) => status.inReplyTo === null || held.has(status.inReplyTo))
  const keys = possible.flatMap(({ status, idempotencyKey: key }) =>
    key === undefined ? [] : [{ account: status.accountId, key, status: status.id }],
  )
  const reserved = await statuses.reserveIdempotencyKeys(tx, keys)
  return possible.filter(({ status, idempotencyKey: key }) => key === undefined || reserved.has(status.id))
}

async function writeAlone(posting: Posting, post: Post): Promise<StatusRecord> {
  const { idempotencyKey: key } = post
  const written = await tryToWrite(posting, post)
  if (written !== undefined || key === undefined) return written ?? unavailableRepetition()
  return (await statusMadeBy(posting, post.draft.accountId, key)) ?? unavailableRepetition()
}

/** Gives undefined when the key is taken, or the claim lost. */
async function tryToWrite(posting: Posting, post: Post): Promise<StatusRecord | undefined> {
  const { idempotencyKey: key } = post
  const identifiedPost = withId(posting, post)
  const { status } = identifiedPost
  const { accountId: author, inReplyTo, media } = status
  const { statuses } = await announced(posting, [identifiedPost], () =>
    commit(posting, async (tx, tell) => {
      if (post.claim !== undefined && !(await post.claim(tx))) return NOTHING_WRITTEN
      if (key !== undefined && !(await posting.statuses.reserveIdempotencyKey(tx, author, key, status.id))) {
        return NOTHING_WRITTEN
      }
      if (inReplyTo !== null && (await posting.statuses.hold(tx, inReplyTo)) === undefined) throw parentNotFound()
      const stats = await insert(posting, tx, [identifiedPost])
      if (media.length > 0) await posting.media.attach(tx, author, media, status.id)
      if (post.poll !== undefined) await posting.statuses.insertPoll(tx, status, post.poll)
      tell(statusCreated(status, null, post.acceptedAtMs))
      return { statuses: [recordOf(status)], stats }
    }),
  )
  return statuses[0]
}

function withId({ snowflakes }: Posting, post: Post): IdentifiedPost {
  const status = identified(post.draft, snowflakes.next<StatusId>())
  return { ...post, status: post.poll === undefined ? status : { ...status, hasPoll: true } }
}

/** Inserts what may be inserted. Gives what it made of the authors' stats. */
async function insert(
  { statuses }: Posting,
  db: Db,
  posts: readonly IdentifiedPost[],
  told?: (after: SqlFragment) => SqlFragment,
): Promise<Written['stats']> {
  const { ids, stats } = await statuses.insertMany(
    db,
    posts.map(({ status }) => ({ ...status, boostedAccount: null })),
    told,
  )
  assert.equal(ids.size, posts.length, 'ids are new')
  return stats
}

/** The caches know what is written as soon as it is, and are told in any case how it ended. */
async function announced(
  { hydration }: Posting,
  posts: readonly IdentifiedPost[],
  write: () => Promise<Written>,
): Promise<Written> {
  const tell = hydration.expect(posts.map(({ status }) => status))
  let outcome = NOTHING_WRITTEN
  try {
    outcome = await write()
    return outcome
  } finally {
    tell(outcome)
  }
}

const NOTHING_WRITTEN: Written = { statuses: [], stats: new Map() }

function recordOf(status: NewStatus): StatusRecord {
  return { ...status, editedAtMs: null, revision: 0 }
}

/** The key was taken when we asked for it and lapsed before we could look. */
function unavailableRepetition(): never {
  throw new AppError('unavailable', 'There was a temporary problem serving your request, please try again')
}
