/**
 * Statuses of another time, many in one transaction: the seed's, or an archive's. Their texts are read as `post` reads
 * them. What depends on who may is not asked, because the operator vouches for an import: a reply may answer what its
 * author could not see, and no limit of characters of today is held against a text of then.
 */
import type { AccountRecord, Accounts } from '../accounts/contract.ts'
import type { OutboxMessage } from '../engines/outbox/contract.ts'
import { encodeEvent, IMPORT_KEY } from '../events/contract.ts'
import { AppError } from '../kit/errors.ts'
import { idTimeMs, type StatusId } from '../snowflake/contract.ts'
import type { ImportedStatus, NewStatus, StatusStore } from '../status-store/contract.ts'
import { detectLanguage, languageOf } from '../text/language.ts'
import { newBoost } from './boosting.ts'
import { commit, type Committing } from './commit.ts'
import { compose, type Composed, type Composing } from './composing.ts'
import { IMPORT_STATUSES_MAX, type PastBoost, type PastPost, type PastStatus, type StatusImport } from './contract.ts'
import { repliedTo } from './drafting.ts'

export interface Importing extends Committing {
  statuses: Pick<StatusStore, 'holdMany' | 'insertMany'>
  accounts: Pick<Accounts, 'byUsernames'>
  rules: Pick<Composing['rules'], 'localDomain'>
}

export function openStatusImport(importing: Importing): StatusImport {
  return { importBatch: (batch) => importBatch(importing, batch) }
}

async function importBatch(importing: Importing, batch: readonly PastPost[]): Promise<number> {
  if (batch.length > IMPORT_STATUSES_MAX) {
    throw new AppError('too_large', `At most ${IMPORT_STATUSES_MAX} statuses can be imported at once`)
  }
  const read = await readAll(importing, batch)
  const own = new Set(batch.map(({ id }) => id))
  const targets = batch.flatMap((past) => targetOf(past) ?? [])
  const outside = new Set(targets.filter((id) => !own.has(id)))
  return await commit(importing, async (tx, tell) => {
    const held = await importing.statuses.holdMany(tx, [...outside])
    const known = new Map<StatusId, NewStatus>(held.map((status) => [status.id, status]))
    const statuses = read.map((post) => {
      const status = post.text === undefined ? pastBoost(post.past, known) : pastStatus(post.past, post.text, known)
      known.set(status.id, status)
      return status
    })
    const { ids: fresh } = await importing.statuses.insertMany(tx, statuses)
    if (fresh.size > 0) tell(statusesImported(statuses.filter(({ id }) => fresh.has(id))))
    return fresh.size
  })
}

type ReadPost = { past: PastStatus; text: Composed } | { past: PastBoost; text: undefined }

/** All texts at once, so that everyone they mention is looked up by one question. */
function readAll({ accounts, rules }: Importing, batch: readonly PastPost[]): Promise<ReadPost[]> {
  const composing = { accounts: gatheringNames(accounts), rules: { ...rules, charactersMax: Infinity } }
  return Promise.all(
    batch.map(async (past) =>
      past.kind === 'boost'
        ? { past, text: undefined }
        : { past, text: await compose(composing, { ...past, hasMedia: false }) },
    ),
  )
}

/** `byUsernames` that asks once for all the names it is called with in one turn. */
function gatheringNames(accounts: Importing['accounts']): Composing['accounts'] {
  let gathering: { names: Set<string>; found: Promise<Map<string, AccountRecord>> } | undefined
  const gather = () => {
    const names = new Set<string>()
    const found = Promise.resolve().then(async () => {
      gathering = undefined
      const people = await accounts.byUsernames([...names])
      return new Map(people.map((person) => [person.username.toLowerCase(), person]))
    })
    return { names, found }
  }
  return {
    async byUsernames(wanted) {
      gathering ??= gather()
      for (const name of wanted) gathering.names.add(name)
      const found = await gathering.found
      return wanted.flatMap((name) => found.get(name) ?? [])
    },
  }
}

function targetOf(past: PastPost): StatusId | null {
  return past.kind === 'boost' ? past.of : past.inReplyTo
}

/** What is answered or boosted: of an earlier time, so it comes before in the batch, or is stored. */
function targetAmong(known: ReadonlyMap<StatusId, NewStatus>, id: StatusId): NewStatus {
  const target = known.get(id)
  if (target === undefined) throw new AppError('not_found', `There is no status ${id} to answer or to boost`)
  if (target.boostOf !== null) throw new AppError('invalid', `Status ${id} is a boost: name what it boosts`)
  return target
}

function pastStatus(past: PastStatus, text: Composed, known: ReadonlyMap<StatusId, NewStatus>): ImportedStatus {
  const parent = past.inReplyTo === null ? undefined : targetAmong(known, past.inReplyTo)
  return {
    id: past.id,
    accountId: past.author,
    visibility: past.visibility,
    boostOf: null,
    boostedAccount: null,
    inReplyTo: past.inReplyTo,
    inReplyToAccount: parent === undefined ? null : repliedTo(parent, past.author),
    conversation: parent?.conversation ?? past.id,
    text: text.text,
    spoilerText: text.spoilerText,
    sensitive: past.sensitive || past.spoilerText.trim() !== '',
    language: past.language === undefined ? detectLanguage(text.tokens) : languageOf(past.language),
    mentions: text.mentions,
    tags: text.tags,
    media: [],
    appId: null,
    createdAtMs: idTimeMs(past.id),
  }
}

function pastBoost(past: PastBoost, known: ReadonlyMap<StatusId, NewStatus>): ImportedStatus {
  const original = targetAmong(known, past.of)
  const isOpen = original.visibility === 'public' || original.visibility === 'unlisted'
  if (!isOpen && (original.accountId !== past.author || original.visibility === 'direct')) {
    throw new AppError('invalid', `Status ${past.of} is not for everyone, so nobody can have boosted it`)
  }
  const boost = newBoost(past.id, past.author, original.id, isOpen ? past.visibility : 'private')
  return { ...boost, boostedAccount: original.accountId }
}

function statusesImported(statuses: readonly NewStatus[]): OutboxMessage {
  const authors = [...new Set(statuses.map(({ accountId }) => accountId))]
  return encodeEvent('statuses.imported', IMPORT_KEY, { authors })
}
