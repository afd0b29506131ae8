/**
 * What a phone is told of a notification: as little as it needs to show one and to fetch the rest. As Mastodon's, but for
 * the access token, which this server does not have (it keeps a hash), and the texts of direct statuses, which stay here.
 */
import { createHash } from 'node:crypto'

import type { AccountView, StatusView } from '../hydration/contract.ts'
import { presentAccount } from '../mastodon/account.ts'
import type { Site } from '../mastodon/site.ts'
import { MESSAGE_BYTES_MAX } from './encryption.ts'
import type { PushMessage } from './sending.ts'

/** As Mastodon. */
const TTL_SECONDS = 48 * 3_600
const TITLE_CHARACTERS_MAX = 100
const BODY_CHARACTERS_MAX = 140
const TOPIC_BYTES = 24

export interface PushNews {
  id: bigint
  type: string
  groupKey: string | null
  from: AccountView
  status: StatusView | undefined
  locale: string
}

const TITLES: Readonly<Record<string, (name: string) => string>> = {
  mention: (name) => `${name} mentioned you`,
  status: (name) => `${name} just posted`,
  reblog: (name) => `${name} boosted your post`,
  follow: (name) => `${name} followed you`,
  follow_request: (name) => `${name} has requested to follow you`,
  favourite: (name) => `${name} favourited your post`,
  poll: () => 'A poll has ended',
  update: () => 'A post you boosted was edited',
}

/** Mentions wake a phone; the others wait until it is awake. */
const URGENT: ReadonlySet<string> = new Set(['mention', 'follow_request'])

export function newsMessage(news: PushNews, at: Site): PushMessage {
  const { id, type, from, status, locale } = news
  const { account } = from
  const name = account.displayName.trim() === '' ? account.username : account.displayName
  const body = encoded({
    access_token: '',
    preferred_locale: locale,
    notification_id: Number(id),
    notification_type: type,
    icon: presentAccount(from, at).avatar_static,
    title: shortened((TITLES[type] ?? ((who) => `News of ${who}`))(name), TITLE_CHARACTERS_MAX),
    body: shortened(textOf(status, account.note), BODY_CHARACTERS_MAX),
  })
  const urgency = URGENT.has(type) ? 'high' : 'normal'
  return {
    body,
    ttlSeconds: TTL_SECONDS,
    urgency,
    topic: topicOf(news.groupKey ?? `notification ${id}`),
    notification: id,
  }
}

export function testMessage(at: Site, locale: string): PushMessage {
  const body = encoded({
    access_token: '',
    preferred_locale: locale,
    notification_id: 0,
    notification_type: 'test',
    icon: `${at.urls.base}/icon.png`,
    title: 'Test',
    body: `${at.urls.domain} reaches this device.`,
  })
  return { body, ttlSeconds: 60, urgency: 'high', topic: topicOf('test'), notification: null }
}

function textOf(status: StatusView | undefined, note: string): string {
  if (status === undefined) return note
  if (status.status.visibility === 'direct') return ''
  return status.status.spoilerText === '' ? status.status.text : status.status.spoilerText
}

/** Whole characters as people see them. */
function shortened(text: string, charactersMax: number): string {
  const letters = Array.from(new Intl.Segmenter().segment(text.slice(0, charactersMax * 8)), ({ segment }) => segment)
  return letters.length <= charactersMax ? letters.join('') : `${letters.slice(0, charactersMax - 1).join('')}…`
}

/** Names of many combined letters are longer than they look: then there is no text, and in the end no name. */
function encoded(message: Record<string, string | number>): Buffer {
  for (const shorter of [message, { ...message, body: '' }, { ...message, body: '', title: '', icon: '' }]) {
    const bytes = Buffer.from(JSON.stringify(shorter))
    if (bytes.length <= MESSAGE_BYTES_MAX) return bytes
  }
  throw new Error('a message without texts is short')
}

function topicOf(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, TOPIC_BYTES).toString('base64url')
}
