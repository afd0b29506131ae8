/** Statuses with all that belongs to them and is the same for everybody, loaded many at a time. */
import type { AccountRecord, OAuth } from '../accounts/contract.ts'
import type { Media, MediaRecord } from '../media/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { StatusRecord, StatusStore } from '../status-store/contract.ts'
import type { StatusView } from './contract.ts'

export interface StatusCore {
  status: StatusRecord
  media: readonly MediaRecord[]
  mentions: readonly { id: AccountId; username: string }[]
  app: StatusView['app']
}

/** Where the parts come from; people and apps through their caches. */
interface CoreSources {
  statuses: Pick<StatusStore, 'byIds'>
  media: Pick<Media, 'byIds'>
  people(ids: Set<AccountId>): Promise<Map<AccountId, AccountRecord>>
  apps(ids: Set<bigint>): Promise<Map<bigint, { name: string; website: string | null }>>
}

export async function loadCores(sources: CoreSources, ids: StatusId[]): Promise<Map<StatusId, StatusCore>> {
  const statuses = await sources.statuses.byIds(ids)
  const [media, people, apps] = await Promise.all([
    loadMedia(sources.media, statuses),
    sources.people(new Set(statuses.flatMap((status) => status.mentions))),
    sources.apps(new Set(statuses.flatMap((status) => status.appId ?? []))),
  ])
  return byId(
    statuses.map((status) => ({
      status,
      media: status.media.flatMap((id) => media.get(id) ?? []),
      mentions: shownMentions(status.mentions.flatMap((id) => people.get(id) ?? [])),
      app: status.appId === null ? undefined : apps.get(status.appId),
    })),
    (core) => core.status.id,
  )
}

async function loadMedia(
  media: CoreSources['media'],
  statuses: readonly StatusRecord[],
): Promise<Map<bigint, MediaRecord>> {
  const ids = statuses.flatMap((status) => status.media)
  return ids.length === 0 ? new Map() : byId(await media.byIds(ids), (record) => record.id)
}

export async function loadApps(
  oauth: Pick<OAuth, 'appById'>,
  ids: bigint[],
): Promise<Map<bigint, { name: string; website: string | null }>> {
  const apps = await Promise.all(ids.map((id) => oauth.appById(id)))
  return byId(
    apps.flatMap((app) => app ?? []),
    (app) => app.id,
  )
}

/** Nobody who is suspended. */
export function shownMentions(people: readonly AccountRecord[]): StatusCore['mentions'] {
  return people.filter(({ suspended }) => !suspended).map(({ id, username }) => ({ id, username }))
}

export function byId<Id extends bigint, Value>(values: readonly Value[], idOf: (value: Value) => Id): Map<Id, Value> {
  return new Map(values.map((value) => [idOf(value), value]))
}
