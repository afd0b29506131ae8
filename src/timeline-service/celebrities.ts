/** What is merged into homes when they are read: authors who are not fanned out, and hashtags that people follow. */
import type { AccountId } from '../snowflake/contract.ts'
import type { StatusStore } from '../status-store/contract.ts'
import { RecentLists } from './recent-lists.ts'

export class Celebrities extends RecentLists<AccountId> {
  constructor(statuses: Pick<StatusStore, 'homeIds'>) {
    super({
      read: async (author, page) => (await statuses.homeIds([author], page)).map(({ id }) => id),
      keysOf: ({ author }) => [author],
    })
  }
}

export class TaggedStatuses extends RecentLists<string> {
  constructor(statuses: Pick<StatusStore, 'tagIds'>) {
    super({
      read: (tag, page) => statuses.tagIds({ any: [tag], all: [], none: [], onlyMedia: false }, page),
      keysOf: ({ visibility, tags }) => (visibility === 'public' ? (tags ?? []) : []),
    })
  }
}
