/**
 * From views to what clients read, with the viewer's filters applied. Every route module that answers with accounts or
 * statuses is given one `Presenting`.
 */
import type { AccountView, StatusView, WarmStatuses } from '../hydration/contract.ts'
import type { Account, CredentialAccount, MutedAccount, OwnSettings } from '../mastodon/account.ts'
import { presentAccount, presentAccounts, presentCredentialAccount, presentMutedAccount } from '../mastodon/account.ts'
import type { FilterResult } from '../mastodon/filter.ts'
import type { GroupedNotificationsResults, Notification } from '../mastodon/notification.ts'
import type { NotificationGroupsShown, NotificationShown } from '../mastodon/notification.ts'
import { presentNotification, presentNotificationGroups } from '../mastodon/notification.ts'
import type { Site } from '../mastodon/site.ts'
import { site } from '../mastodon/site.ts'
import { StatusJson } from '../mastodon/status-json.ts'
import type { Context, Reader, Revision, Status, StatusEdit } from '../mastodon/status.ts'
import { ANONYMOUS, presentDeletedStatus, presentStatus, presentStatusEdit } from '../mastodon/status.ts'
import type { Urls } from '../mastodon/urls.ts'
import type { AccountId } from '../snowflake/contract.ts'

type Viewer = AccountId | undefined

/** What `warmStatusPage` needs of a page. */
type WarmPage = Pick<WarmStatuses, 'marks' | 'views'> & { isStill?: () => boolean }

/** `isStill`: whether the same would be written now; left out where nothing can tell. */
export interface WarmBody {
  body: Buffer
  isStill?: () => boolean
}

/** The filters of one person, ready to be asked of any status. */
export interface FilterSource {
  (viewer: AccountId): Promise<Filtering>
  /** The same without waiting: undefined when they are not in memory, `none` for who has none. */
  now?: (viewer: AccountId) => Filtering | 'none' | undefined
}

export type Filtering = (view: StatusView) => FilterResult[]

export class Presenting {
  /** For presenters that are not here. */
  readonly site: Site
  readonly #filters: FilterSource
  readonly #statusJson: StatusJson

  constructor(urls: Urls, filters: FilterSource) {
    this.site = site(urls)
    this.#filters = filters
    this.#statusJson = new StatusJson(this.site)
  }

  account(view: AccountView): Account {
    return presentAccount(view, this.site)
  }

  accounts(views: readonly AccountView[]): Account[] {
    return presentAccounts(views, this.site)
  }

  credentialAccount(view: AccountView, own: OwnSettings): CredentialAccount {
    return presentCredentialAccount(view, own, this.site)
  }

  mutedAccount(view: AccountView, expiresAtMs: number | null): MutedAccount {
    return presentMutedAccount(view, expiresAtMs, this.site)
  }

  async status(view: StatusView, viewer: Viewer): Promise<Status> {
    return presentStatus(view, this.site, await this.reader(viewer))
  }

  async statuses(views: readonly StatusView[], viewer: Viewer): Promise<Status[]> {
    const reader = await this.reader(viewer)
    return views.map((view) => presentStatus(view, this.site, reader))
  }

  /** The same as bytes of JSON, from pieces already written: for pages that many read. */
  async statusPage(views: readonly StatusView[], viewer: Viewer): Promise<Buffer> {
    return this.#statusJson.page(views, await this.reader(viewer))
  }

  /** The same of statuses in memory, in `lend`'s memory; undefined when the viewer's filters are not there. */
  warmStatusPage(shown: WarmPage, viewer: AccountId, lend: (bytes: number) => Buffer): WarmBody | undefined {
    const filtered = this.#filters.now?.(viewer)
    if (filtered === undefined) return undefined
    const reader = filtered === 'none' ? { viewer } : { viewer, filtered }
    const body = this.#statusJson.warmPage(shown, reader, lend)
    // Filters lapse: where there are any, nothing tells whether the page is still the same.
    if (shown.isStill === undefined || filtered !== 'none') return { body }
    const { isStill } = shown
    return { body, isStill: () => this.#filters.now?.(viewer) === 'none' && isStill() }
  }

  /** The view as it was before the deletion. */
  async deletedStatus(view: StatusView, viewer: AccountId): Promise<Status> {
    return presentDeletedStatus(view, this.site, await this.reader(viewer))
  }

  async context(thread: { ancestors: StatusView[]; descendants: StatusView[] }, viewer: Viewer): Promise<Context> {
    return {
      ancestors: await this.statuses(thread.ancestors, viewer),
      descendants: await this.statuses(thread.descendants, viewer),
    }
  }

  statusEdits(revisions: readonly Revision[], author: AccountView): StatusEdit[] {
    return revisions.map((revision) => presentStatusEdit(revision, author, this.site))
  }

  async notification(shown: NotificationShown, viewer: AccountId): Promise<Notification> {
    return presentNotification(shown, this.site, await this.reader(viewer))
  }

  async notifications(shown: readonly NotificationShown[], viewer: AccountId): Promise<Notification[]> {
    const reader = await this.reader(viewer)
    return shown.map((one) => presentNotification(one, this.site, reader))
  }

  async notificationGroups(
    page: NotificationGroupsShown,
    expand: 'full' | 'partial_avatars',
    viewer: AccountId,
  ): Promise<GroupedNotificationsResults> {
    return presentNotificationGroups(page, expand, this.site, await this.reader(viewer))
  }

  /** Who reads: for presenters of `mastodon/` that are not here. */
  async reader(viewer: Viewer): Promise<Reader> {
    return viewer === undefined ? ANONYMOUS : { viewer, filtered: await this.#filters(viewer) }
  }
}
