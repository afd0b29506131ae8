/** From what happened to what is sent: everything that has to be looked up is, once for all who will hear of it. */
import type { Conversations } from '../conversations/contract.ts'
import type { EventBodies } from '../events/contract.ts'
import type { Hydration, StatusView } from '../hydration/contract.ts'
import { presentConversation } from '../mastodon/conversation.ts'
import type { FilterResult } from '../mastodon/filter.ts'
import { presentNotification } from '../mastodon/notification.ts'
import type { Site } from '../mastodon/site.ts'
import { ANONYMOUS, presentStatus } from '../mastodon/status.ts'
import type { Notifications } from '../notifications/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { ChannelKind } from './channel.ts'
import type { LogEntry } from './event-log.ts'
import { Frames } from './frames.ts'
import type { Listener } from './line.ts'

export type Filtering = (view: StatusView) => FilterResult[]

export interface PreparingDeps {
  hydration: Pick<Hydration, 'unjudged'>
  notifications: Pick<Notifications, 'find'>
  conversations: Pick<Conversations, 'find'>
  filters: (viewer: AccountId) => Promise<Filtering>
  site: Site
}

/** Ready to be told: who hears it is decided when it is. */
export type Prepared =
  | {
      readonly kind: 'status'
      readonly view: StatusView
      readonly message: StatusMessage
    }
  | {
      readonly kind: 'delete'
      readonly deleted: EventBodies['status.deleted']
      readonly frames: Frames
    }
  | {
      readonly kind: 'personal'
      readonly account: AccountId
      readonly channels: readonly ChannelKind[]
      /** Only for lines whose token reads notifications. */
      readonly isNotification: boolean
      readonly frames: Frames
      /** The person's filters from now on. */
      readonly filtered?: Filtering
    }

/** One status as it is sent: the same bytes for all whose filters it does not meet. */
export class StatusMessage {
  readonly #view: StatusView
  readonly #site: Site
  readonly #event: string
  readonly #id: bigint
  readonly #filtered = new Map<Listener, Frames>()
  readonly #unfiltered: Frames

  constructor(view: StatusView, of: { event: string; id: bigint; site: Site }) {
    this.#view = view
    this.#site = of.site
    this.#event = of.event
    this.#id = of.id
    this.#unfiltered = this.#write([])
  }

  framesFor(listener: Listener): Frames {
    const hits = listener.filtered(this.#view.boostOf ?? this.#view)
    if (hits.length === 0) return this.#unfiltered
    const known = this.#filtered.get(listener) ?? this.#write(hits)
    this.#filtered.set(listener, known)
    return known
  }

  /** Without marks, as Mastodon's public streams: clients keep those they know. */
  #write(filtered: FilterResult[]): Frames {
    const shared = presentStatus(this.#view, this.#site, ANONYMOUS)
    const reblog = shared.reblog === null ? null : { ...shared.reblog, filtered }
    return new Frames(this.#event, JSON.stringify({ ...shared, reblog, filtered }), this.#id)
  }
}

/** Undefined when there is nothing to tell (any more). */
export async function prepare(deps: PreparingDeps, { id, happening }: LogEntry): Promise<Prepared | undefined> {
  switch (happening.kind) {
    case 'status': {
      const view = await deps.hydration.unjudged(happening.status)
      if (view === undefined) return undefined
      const message = new StatusMessage(view, { event: happening.event, id, site: deps.site })
      return { kind: 'status', view, message }
    }
    case 'delete': {
      const { deleted } = happening
      return { kind: 'delete', deleted, frames: new Frames('delete', deleted.id.toString(), id) }
    }
    case 'notification':
      return prepareNotification(deps, id, happening)
    case 'conversation': {
      const { account, conversation } = happening
      const shown = await deps.conversations.find(account, conversation)
      if (shown === undefined) return undefined
      const reader = { viewer: account, filtered: await deps.filters(account) }
      const frames = new Frames('conversation', JSON.stringify(presentConversation(shown, deps.site, reader)), id)
      return { kind: 'personal', account, channels: ['direct'], isNotification: false, frames }
    }
    case 'filters': {
      const { account } = happening
      const filtered = await deps.filters(account)
      const frames = new Frames('filters_changed', undefined, id)
      return { kind: 'personal', account, channels: ['user'], isNotification: false, frames, filtered }
    }
  }
}

async function prepareNotification(
  deps: PreparingDeps,
  id: bigint,
  { recipient, notification }: { recipient: AccountId; notification: bigint },
): Promise<Prepared | undefined> {
  const view = await deps.notifications.find(recipient, notification)
  // What a policy holds back is among the requests, and no news.
  if (view === undefined || view.record.filtered) return undefined
  const reader = { viewer: recipient, filtered: await deps.filters(recipient) }
  const payload = JSON.stringify(presentNotification(view, deps.site, reader))
  const frames = new Frames('notification', payload, id)
  return { kind: 'personal', account: recipient, channels: ['user', 'user:notification'], isNotification: true, frames }
}
