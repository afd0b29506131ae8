/** The tables of `mastodon-api/` as trees: what each entity is made of, and what each endpoint returns. */
import { readFileSync } from 'node:fs'

export interface Attribute {
  /** As in the table: `String(url)`, `Array of Status`, `Enum {a|b}`, `Hash`. */
  type: string
  nullable: boolean
  optional: boolean
  /** Attributes of a hash, or of the hashes in an array. */
  children: Map<string, Attribute>
}

export type Entity = Map<string, Attribute>

export interface Endpoint {
  method: string
  segments: readonly string[]
  /** As in the table: `write:follows or follow`; empty where none is asked for. */
  scope: string
  auth: string
  returns: string
}

function rowsOf(file: string): string[][] {
  const text = readFileSync(new URL(`mastodon-api/${file}`, import.meta.url), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
}

/** Entities by name; `X (Y +)` has the attributes of Y besides its own. */
export function readEntities(): Map<string, Entity> {
  const entities = new Map<string, Entity>()
  for (const [title = '', path = '', type = '', nullable, optional, state] of rowsOf('entities.tsv')) {
    if (state === 'removed') continue
    const entity = entityNamed(entities, title)
    addAttribute(entity, path, { type, nullable: nullable === 'y', optional: optional === 'y', children: new Map() })
  }
  addClientRules(entities)
  return entities
}

function entityNamed(entities: Map<string, Entity>, title: string): Entity {
  const [, name = title, parent] = /^(\S+) \((\S+) \+\)$/.exec(title) ?? []
  const known = entities.get(name)
  if (known !== undefined) return known
  const entity: Entity = new Map(parent === undefined ? [] : entities.get(parent))
  entities.set(name, entity)
  return entity
}

/** `a[b][c]`, `a[][b]` and `a.b[].c`: the brackets of lists say nothing that the type does not. */
function addAttribute(entity: Entity, path: string, attribute: Attribute): void {
  // A dot between brackets is part of the name: `alerts[admin.sign_up]`.
  const parts = path.replaceAll('[]', '').matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)
  const names = Array.from(parts, ([, inner, plain]) => inner ?? plain ?? '')
  const last = names.pop() ?? path
  let level = entity
  for (const name of names) {
    // A hash that has rows only for what is in it.
    const parent = level.get(name) ?? { type: 'Hash', nullable: false, optional: false, children: new Map() }
    level.set(name, parent)
    level = parent.children
  }
  level.set(last, attribute)
}

/** Classes of the clients that read an entity of another name. */
const CLIENT_CLASSES: Readonly<Record<string, string>> = {
  AccessToken: 'Token',
  OauthToken: 'Token',
  AppCredentials: 'CredentialApplication',
  InstanceApp: 'CredentialApplication',
  TimelineAccount: 'Account',
  Field: 'Account::Field',
  AccountField: 'Account::Field',
  Attachment: 'MediaAttachment',
  Emoji: 'CustomEmoji',
  Mention: 'Status::Mention',
  Card: 'PreviewCard',
  Filtered: 'FilterResult',
  FilterV1: 'V1::Filter',
  LegacyFilter: 'V1::Filter',
  ServerFilter: 'Filter',
  'ServerFilter::Keyword': 'FilterKeyword',
  InstanceV1: 'V1::Instance',
  InstanceV2: 'Instance',
  FollowList: 'List',
  MastoList: 'List',
  'Marker::Content': 'Marker',
  NotificationsPolicy: 'NotificationPolicy',
  NotificationsRequest: 'NotificationRequest',
  NotificationSubscribeResult: 'WebPushSubscription',
  PushSubscription: 'WebPushSubscription',
  PartialAccount: 'PartialAccountWithAvatar',
  ReblogStatus: 'Status',
  SearchResult: 'Search',
  SearchResults: 'Search',
  StatusContext: 'Context',
  TrendingTag: 'Tag',
  Hashtag: 'Tag',
}

/** What one client cannot do without is not nullable, whatever the documentation says. */
function addClientRules(entities: Map<string, Entity>): void {
  for (const [, className = '', name = '', rule] of rowsOf('client-required-fields.tsv')) {
    const attribute = entities.get(CLIENT_CLASSES[className] ?? className)?.get(name)
    if (attribute === undefined) continue
    // An optional attribute is one that clients ask for only where it is there.
    if (rule === 'not null' || !attribute.optional) attribute.nullable = false
  }
}

export function readEndpoints(): Endpoint[] {
  return rowsOf('endpoints.tsv').map(([method = '', path = '', scope = '', auth = '', , returns = '']) => ({
    method,
    segments: path.split('/'),
    scope,
    auth,
    returns,
  }))
}
