/** The rules of who sees what, as tables: every line is one case, named by what it says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { canSee, isSilencedFor, isVisibleAtHome } from '../../src/hydration/contract.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { graphFacts, type Relation } from '../../src/social-graph/contract.ts'
import type { StatusRecord } from '../../src/status-store/contract.ts'
import { accountView, statusView } from '../world/views.ts'

const VIEWER = 1n as AccountId
const AUTHOR = 2n as AccountId
const OTHER = 3n as AccountId
const STRANGER = 4n as AccountId

const FOLLOWS: Partial<Relation> = { following: true, showingBoosts: true }

function status(author: AccountId, change: Partial<StatusRecord> = {}): StatusRecord {
  return statusView(author * 100n, accountView(author, `person${author}`), change).status
}

test('canSee: by visibility, following, mention, block and suspension', () => {
  const cases: [string, AccountId | undefined, Partial<StatusRecord>, Partial<Relation>, boolean][] = [
    ['public, anonymous', undefined, {}, {}, true],
    ['unlisted, anonymous', undefined, { visibility: 'unlisted' }, {}, true],
    ['private, anonymous', undefined, { visibility: 'private' }, {}, false],
    ['direct, anonymous', undefined, { visibility: 'direct' }, {}, false],
    ['private, a stranger', VIEWER, { visibility: 'private' }, {}, false],
    ['private, a follower', VIEWER, { visibility: 'private' }, { following: true }, true],
    ['private, who is followed by the author only', VIEWER, { visibility: 'private' }, { followedBy: true }, false],
    ['private, who has only asked to follow', VIEWER, { visibility: 'private' }, { requested: true }, false],
    ['private, mentioned', VIEWER, { visibility: 'private', mentions: [VIEWER] }, {}, true],
    ['direct, a follower', VIEWER, { visibility: 'direct' }, { following: true }, false],
    ['direct, mentioned', VIEWER, { visibility: 'direct', mentions: [VIEWER] }, {}, true],
    ['direct, someone else is mentioned', VIEWER, { visibility: 'direct', mentions: [OTHER] }, {}, false],
    ['public, blocked by the author', VIEWER, {}, { blockedBy: true }, false],
    [
      'direct, mentioned and blocked by the author',
      VIEWER,
      { visibility: 'direct', mentions: [VIEWER] },
      { blockedBy: true },
      false,
    ],
    ['public, the viewer blocks the author: may look', VIEWER, {}, { blocking: true }, true],
    ['direct, the author', AUTHOR, { visibility: 'direct' }, {}, true],
  ]
  for (const [name, viewer, change, relation, expected] of cases) {
    const known = viewer === undefined ? undefined : graphFacts(relation)
    const one = status(AUTHOR, change)
    assert.equal(canSee(viewer, one, { authorSuspended: false, relation: known }), expected, name)
    assert.equal(canSee(viewer, one, { authorSuspended: true, relation: known }), false, `${name}, author suspended`)
  }
})

test('isSilencedFor: blocks in either direction and mutes, nothing else', () => {
  assert.equal(isSilencedFor(undefined), false)
  assert.equal(isSilencedFor(graphFacts({ following: true, mutingNotifications: true })), false)
  for (const fact of ['blocking', 'blockedBy', 'muting'] as const) {
    assert.equal(isSilencedFor(graphFacts({ [fact]: true })), true, fact)
  }
})

interface HomeCase {
  name: string
  status?: Partial<StatusRecord>
  boosted?: StatusRecord
  /** The viewer's relations; the author is followed unless said otherwise. */
  author?: Partial<Relation>
  other?: Partial<Relation>
  shown: boolean
}

function isShown({ status: change, boosted, author = FOLLOWS, other = {} }: HomeCase, by: AccountId): boolean {
  const relations = new Map([
    [AUTHOR, graphFacts(author)],
    [OTHER, graphFacts(other)],
  ])
  const boostOf = boosted?.id ?? null
  const view = { status: status(by, { boostOf, ...change }), boostOf: boosted && { status: boosted } }
  return isVisibleAtHome(VIEWER, view, (target) => relations.get(target) ?? graphFacts({}))
}

const replyTo = (account: AccountId) => ({ inReplyTo: 7n as StatusId, inReplyToAccount: account })

const HOME_CASES: HomeCase[] = [
  { name: 'someone followed', shown: true },
  { name: 'someone not followed', author: {}, shown: false },
  { name: 'someone asked, not yet accepted', author: { requested: true }, shown: false },
  { name: 'someone followed and muted', author: { ...FOLLOWS, muting: true }, shown: false },
  {
    name: 'someone who blocks the viewer, before the follow is ended',
    author: { ...FOLLOWS, blockedBy: true },
    shown: false,
  },
  { name: 'a reply to a stranger', status: replyTo(STRANGER), shown: false },
  { name: 'a reply to someone followed', status: replyTo(OTHER), other: FOLLOWS, shown: true },
  {
    name: 'a reply to someone followed and muted',
    status: replyTo(OTHER),
    other: { ...FOLLOWS, muting: true },
    shown: false,
  },
  { name: 'a reply to the viewer', status: replyTo(VIEWER), shown: true },
  { name: 'a reply of the author to themselves', status: replyTo(AUTHOR), shown: true },
  { name: 'a mention of a stranger', status: { mentions: [STRANGER] }, shown: true },
  { name: 'a mention of the viewer', status: { mentions: [VIEWER] }, shown: true },
  { name: 'a mention of someone blocked', status: { mentions: [OTHER] }, other: { blocking: true }, shown: false },
  { name: 'a mention of someone muted', status: { mentions: [OTHER] }, other: { muting: true }, shown: false },
  {
    name: 'a mention of someone who blocks the viewer',
    status: { mentions: [OTHER] },
    other: { blockedBy: true },
    shown: true,
  },
  { name: 'a language that is chosen', author: { ...FOLLOWS, languages: ['en'] }, shown: true },
  { name: 'a language that is not chosen', author: { ...FOLLOWS, languages: ['de'] }, shown: false },
  { name: 'no language known', status: { language: null }, author: { ...FOLLOWS, languages: ['de'] }, shown: true },
  { name: 'a boost of a stranger', boosted: status(STRANGER), shown: true },
  { name: 'a boost of the viewer', boosted: status(VIEWER), shown: true },
  {
    name: 'a boost by one whose boosts are hidden',
    boosted: status(STRANGER),
    author: { following: true },
    shown: false,
  },
  { name: 'a boost of someone blocked', boosted: status(OTHER), other: { blocking: true }, shown: false },
  { name: 'a boost of someone muted', boosted: status(OTHER), other: { muting: true }, shown: false },
  {
    name: 'a boost of someone who blocks the viewer',
    boosted: status(OTHER),
    other: { blockedBy: true },
    shown: false,
  },
  {
    name: 'a boost that mentions someone blocked',
    boosted: status(STRANGER, { mentions: [OTHER] }),
    other: { blocking: true },
    shown: false,
  },
  { name: 'a boost of a reply between strangers', boosted: status(OTHER, replyTo(STRANGER)), shown: true },
  {
    name: 'a boost in a language that is not chosen',
    boosted: status(STRANGER, { language: 'fr' }),
    author: { ...FOLLOWS, languages: ['en'] },
    shown: false,
  },
]

for (const one of HOME_CASES) {
  test(`home: ${one.name} is ${one.shown ? 'shown' : 'left out'}`, () => {
    assert.equal(isShown(one, AUTHOR), one.shown)
  })
}

test('home: one’s own are shown, replies to strangers too, but no boost of somebody blocked since', () => {
  const own = { name: 'own', shown: true }
  assert.equal(isShown(own, VIEWER), true)
  assert.equal(isShown({ ...own, status: replyTo(STRANGER) }, VIEWER), true)
  assert.equal(isShown({ ...own, boosted: status(STRANGER) }, VIEWER), true)
  assert.equal(isShown({ ...own, boosted: status(OTHER), other: { blocking: true } }, VIEWER), false)
})
