/** Accounts, statuses and media as hydration hands them out, complete, for tests of what is made of them. */
import type { AccountView, StatusView } from '../../src/hydration/contract.ts'
import type { AccountId, MediaId, StatusId } from '../../src/snowflake/contract.ts'

type AccountRecord = AccountView['account']
type StatusRecord = StatusView['status']
type MediaRecord = StatusView['media'][number]

export const CREATED_MS = Date.parse('2026-08-07T14:02:35.123Z')

export function accountView(id: bigint, username: string, change: Partial<AccountRecord> = {}): AccountView {
  return {
    account: {
      id: id as AccountId,
      username,
      displayName: `The ${username}`,
      note: `I am ${username}, see https://example.org/`,
      fields: [{ name: 'Site', value: 'https://example.org/', verifiedAtMs: null }],
      avatar: null,
      header: null,
      locked: false,
      bot: false,
      discoverable: true,
      indexable: true,
      hideCollections: null,
      createdAtMs: CREATED_MS,
      suspended: false,
      silenced: false,
      ...change,
    },
    followers: 3,
    following: 2,
    statuses: 7,
    lastStatusAtMs: CREATED_MS,
  }
}

export function statusView(
  id: bigint,
  author: AccountView,
  change: Partial<StatusRecord> = {},
  parts: Partial<Omit<StatusView, 'status' | 'author'>> = {},
): StatusView {
  return {
    status: {
      id: id as StatusId,
      accountId: author.account.id,
      visibility: 'public',
      boostOf: null,
      inReplyTo: null,
      inReplyToAccount: null,
      conversation: id as StatusId,
      text: 'Hello',
      spoilerText: '',
      sensitive: false,
      language: 'en',
      mentions: [],
      tags: [],
      media: [],
      appId: null,
      createdAtMs: CREATED_MS,
      editedAtMs: null,
      revision: 0,
      ...change,
    },
    author,
    boostOf: undefined,
    media: [],
    mentions: [],
    counts: { replies: 1, boosts: 2, favourites: 3 },
    app: undefined,
    marks: undefined,
    ...parts,
  }
}

export function mediaRecord(id: bigint, change: Partial<MediaRecord> = {}): MediaRecord {
  return {
    id: id as MediaId,
    accountId: 1n as AccountId,
    statusId: null,
    type: 'image',
    mime: 'image/png',
    key: 'aa/original.png',
    smallKey: 'aa/small.png',
    original: { width: 800, height: 600 },
    small: { width: 400, height: 300 },
    focus: null,
    blurhash: 'UBL_:rOpGG-oBUNG,qRj2so|=eE1w^n4S5NH',
    description: 'A bird',
    createdAtMs: CREATED_MS,
    ...change,
  }
}
