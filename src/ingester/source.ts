/** Where the index reads documents again: the stores, as committed. */
import type { Accounts } from '../accounts/contract.ts'
import type { DocumentSource, IndexDocument } from '../earlybird/contract.ts'
import type { Media, MediaRecord } from '../media/contract.ts'
import type { AccountId, MediaId, StatusId } from '../snowflake/contract.ts'
import type { StatusRecord, StatusStore } from '../status-store/contract.ts'
import { documentOf } from './document.ts'

export interface SourceDeps {
  accounts: Pick<Accounts, 'byIds' | 'idsWithoutConsent'>
  statuses: Pick<StatusStore, 'byIds' | 'counts' | 'openIdsBetween' | 'openIdsOf' | 'polls'>
  media: Pick<Media, 'byIds'>
}

export function documentSource(deps: SourceDeps): DocumentSource {
  return {
    documents: (ids) => documentsOf(deps, ids),
    idsBetween: (after, until, limit) => deps.statuses.openIdsBetween(after, until, limit),
    idsOf: (author, after, limit) => deps.statuses.openIdsOf(author, after, limit),
    withoutConsent: () => deps.accounts.idsWithoutConsent(),
  }
}

/** Of those that exist, are open, and whose author is not suspended. */
async function documentsOf(deps: SourceDeps, ids: readonly StatusId[]): Promise<IndexDocument[]> {
  if (ids.length === 0) return []
  const open = (await deps.statuses.byIds(ids)).filter(
    ({ visibility }) => visibility === 'public' || visibility === 'unlisted',
  )
  const [authors, media, counts, polls] = await Promise.all([
    suspendedAmong(deps, open),
    mediaOf(deps, open),
    deps.statuses.counts(open.map(({ id }) => id)),
    pollsOf(deps, open),
  ])
  return open.flatMap((status) => {
    if (authors.has(status.accountId)) return []
    const known = counts.get(status.id)
    const document = documentOf({
      status,
      media: status.media.flatMap((id) => media.get(id) ?? []),
      ...(known !== undefined && { counts: known }),
      pollOptions: polls.get(status.id)?.options ?? [],
    })
    return document ?? []
  })
}

async function suspendedAmong({ accounts }: SourceDeps, statuses: readonly StatusRecord[]): Promise<Set<AccountId>> {
  const authors = await accounts.byIds([...new Set(statuses.map(({ accountId }) => accountId))])
  return new Set(authors.flatMap(({ id, suspended }) => (suspended ? [id] : [])))
}

async function mediaOf({ media }: SourceDeps, statuses: readonly StatusRecord[]): Promise<Map<MediaId, MediaRecord>> {
  const ids = statuses.flatMap((status) => status.media)
  return new Map(ids.length === 0 ? [] : (await media.byIds(ids)).map((one) => [one.id, one]))
}

async function pollsOf({ statuses }: SourceDeps, records: readonly StatusRecord[]) {
  const ids = records.flatMap(({ id, hasPoll }) => (hasPoll === true ? [id] : []))
  return ids.length === 0 ? new Map<StatusId, { options: readonly string[] }>() : statuses.polls(ids)
}
