/**
 * A new status. Posts that come together are written together: by `GroupCommit`, in one transaction whose statements take
 * all their rows at once. What cannot be written without a look at its own circumstances (a picture to attach, a key that
 * is taken, a parent that is gone or going) is left out there and written alone.
 */
import type { Hydration } from '../hydration/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError, notFound } from '../kit/errors.ts'
import { failpoint } from '../kit/failpoint.ts'
import type { Media } from '../media/contract.ts'
import type { AccountId, Snowflakes, StatusId } from '../snowflake/contract.ts'
import type { NewStatus, StatusRecord, StatusStore } from '../status-store/contract.ts'
import { commit, type Committing } from './commit.ts'
import type { Draft } from './contract.ts'
import { drafted, identified, parentNotFound, type Drafted, type Drafting } from './drafting.ts'
import { GroupCommit } from './group-commit.ts'
import { statusCreated } from './telling.ts'

export interface Posting extends Committing, Drafting {
  statuses: Pick<
    StatusStore,
    | 'byIds'
    | 'findByIdempotencyKey'
    | 'hold'
    | 'holdUnlocked'
    | 'insert'
    | 'insertMany'
    | 'reserveIdempotencyKey'
    | 'reserveIdempotencyKeys'
  >
  media: Pick<Media, 'attach'>
  hydration: Pick<Hydration, 'accounts' | 'forgetAccount' | 'forgetStatus' | 'status'>
  snowflakes: Snowflakes
  clock: Clock
}

/** A post on its way. */
interface Post {
  readonly draft: Drafted
  readonly idempotencyKey: string | undefined
  readonly acceptedAtMs: number
}

type Poster = (author: AccountId, draft: Draft) => Promise<StatusRecord>

export function openPosting(posting: Posting): Poster {
  const group = new GroupCommit<Post, StatusRecord>({
    keyOf: ({ draft }) => draft.accountId,
    together: (posts) => writeTogether(posting, posts),
    alone: (post) => writeAlone(posting, post),
  })
  const post: Poster = async (author, draft) => {
    const acceptedAtMs = posting.clock.nowMs()
    const made = await drafted(posting, author, draft)
    failpoint('W1')
    const written = { draft: made, idempotencyKey: draft.idempotencyKey, acceptedAtMs }
    return made.media.length > 0 ? writeAlone(posting, written) : group.add(written)
  }
  return once(posting, post)
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
  const { hydration, snowflakes, statuses } = posting
  const all = posts.map((post) => ({ ...post, status: identified(post.draft, snowflakes.next<StatusId>()) }))
  const written = await commit(posting, async (tx, tell) => {
    const parents = all.flatMap(({ status }) => status.inReplyTo ?? [])
    const held = await statuses.holdUnlocked(tx, parents)
    const possible = all.filter(({ status }) => status.inReplyTo === null || held.has(status.inReplyTo))
    const keyed = possible.flatMap(({ status, idempotencyKey: key }) =>
      key === undefined ? [] : [{ account: status.accountId, key, status: status.id }],
    )
    const reserved = await statuses.reserveIdempotencyKeys(tx, keyed)
    const admitted = possible.filter(({ status, idempotencyKey: key }) => key === undefined || reserved.has(status.id))
    if (admitted.length > 0) {
      await statuses.insertMany(
        tx,
        admitted.map(({ status }) => ({ ...status, boostedAccount: null })),
      )
    }
    for (const { status, acceptedAtMs } of admitted) tell(statusCreated(status, null, acceptedAtMs))
    return new Set(admitted.map(({ status }) => status.id))
  })
  for (const { status } of all) {
    if (!written.has(status.id)) continue
    if (status.inReplyTo !== null) hydration.forgetStatus(status.inReplyTo)
    hydration.forgetAccount(status.accountId)
  }
  return all.map(({ status }) => (written.has(status.id) ? recordOf(status) : undefined))
}

async function writeAlone(posting: Posting, { draft, idempotencyKey: key, acceptedAtMs }: Post): Promise<StatusRecord> {
  const { accountId: author } = draft
  const status = identified(draft, posting.snowflakes.next<StatusId>())
  const inserted = await commit(posting, async (tx, tell) => {
    const { statuses } = posting
    if (key !== undefined && !(await statuses.reserveIdempotencyKey(tx, author, key, status.id))) return false
    if (status.inReplyTo !== null && (await statuses.hold(tx, status.inReplyTo)) === undefined) throw parentNotFound()
    await statuses.insert(tx, status)
    if (status.media.length > 0) await posting.media.attach(tx, author, status.media, status.id)
    tell(statusCreated(status, null, acceptedAtMs))
    return true
  })
  if (!inserted && key !== undefined) return (await statusMadeBy(posting, author, key)) ?? unavailableRepetition()
  if (status.inReplyTo !== null) posting.hydration.forgetStatus(status.inReplyTo)
  posting.hydration.forgetAccount(author)
  return recordOf(status)
}

function recordOf(status: NewStatus): StatusRecord {
  return { ...status, editedAtMs: null, revision: 0 }
}

/** The key was taken when we asked for it and lapsed before we could look. */
function unavailableRepetition(): never {
  throw new AppError('unavailable', 'There was a temporary problem serving your request, please try again')
}
