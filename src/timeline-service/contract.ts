/** Reads timelines: locate, read entries, merge celebrities, hydrate, apply the rules, page; rebuild what is missing. */
import type { StatusView, WarmStatuses } from '../hydration/contract.ts'
import type { Page } from '../kit/page.ts'
import type { ListView } from '../lists/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { AccountStatusesFilter, TagQuery } from '../status-store/contract.ts'

/** Newest first, filled up to the limit where there is more; `more` says that an older page may exist. */
export interface StatusPage {
  statuses: StatusView[]
  more: boolean
}

/** A page that was read without waiting. */
export interface WarmPage extends Pick<WarmStatuses, 'marks' | 'views'> {
  /** For as long as it says so, another read gives the same page; left out where nothing can tell. */
  isStill?: () => boolean
}

export interface Thread {
  ancestors: StatusView[]
  descendants: StatusView[]
}

export interface TimelineService {
  home(viewer: AccountId, page: Page): Promise<StatusPage>
  /** The same page without waiting, if all of it is in memory: undefined otherwise. */
  homeNow(viewer: AccountId, page: Page): WarmPage | undefined
  /** What the list's owner may read of its members: what home would show, and its policy about replies. */
  list(list: ListView, page: Page): Promise<StatusPage>
  publicTimeline(viewer: AccountId | undefined, page: Page, filter: { onlyMedia: boolean }): Promise<StatusPage>
  /** What was said in public under hashtags. */
  tag(viewer: AccountId | undefined, query: TagQuery, page: Page): Promise<StatusPage>
  account(
    viewer: AccountId | undefined,
    account: AccountId,
    page: Page,
    filter: AccountStatusesFilter,
  ): Promise<StatusPage>
  /** `not_found` unless the viewer may see the status itself. */
  thread(viewer: AccountId | undefined, id: StatusId): Promise<Thread>
  /** With the cursor of the favourite or bookmark, for Link. */
  favourites(viewer: AccountId, page: Page): Promise<{ cursor: bigint; view: StatusView }[]>
  bookmarks(viewer: AccountId, page: Page): Promise<{ cursor: bigint; view: StatusView }[]>
}
