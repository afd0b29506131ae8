import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { AccountRecord } from '../../src/accounts/contract.ts'
import { GROUP_WINDOW_MS, groupKeyFor, shownGroupKey, ungroupedId } from '../../src/notifications/group-key.ts'
import {
  DEFAULT_POLICY,
  edgeStands,
  isUnwelcomeCompany,
  mayNotify,
  NEW_ACCOUNT_MS,
  policyChoice,
  type PolicyFacts,
} from '../../src/notifications/rules.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import type { Relation } from '../../src/social-graph/contract.ts'
import type { StatusRecord } from '../../src/status-store/contract.ts'

const recipient = 1n as AccountId
const sender = 2n as AccountId
const none: Relation = {
  following: false,
  showingBoosts: false,
  notifying: false,
  languages: null,
  followedBy: false,
  requested: false,
  requestedBy: false,
  blocking: false,
  blockedBy: false,
  muting: false,
  mutingNotifications: false,
  muteExpiresAtMs: null,
  endorsed: false,
}
const facts = { recipient, sender, senderSuspended: false, relation: none, status: null }

test('nobody is told of themselves', () => {
  assert.equal(mayNotify(facts), true)
  assert.equal(mayNotify({ ...facts, sender: recipient }), false)
})

test('blocks of either side, muted notifications and suspension silence a sender; a mute of statuses alone does not', () => {
  const silencing: Partial<Relation>[] = [{ blocking: true }, { blockedBy: true }, { mutingNotifications: true }]
  for (const relation of silencing) {
    assert.equal(mayNotify({ ...facts, relation: { ...none, ...relation } }), false, JSON.stringify(relation))
  }
  assert.equal(mayNotify({ ...facts, relation: { ...none, muting: true } }), true)
  assert.equal(mayNotify({ ...facts, senderSuspended: true }), false)
})

test('nobody is told of a status they cannot see, or of a conversation they muted', () => {
  const about = (visible: boolean, conversationMuted: boolean, unwelcomeCompany = false) =>
    mayNotify({ ...facts, status: { visible, conversationMuted, unwelcomeCompany } })
  assert.deepEqual([about(true, false), about(false, false), about(true, true)], [true, false, false])
  assert.equal(about(true, false, true), false)
})

test('a mention beside somebody whom one blocks or has silenced, or in answer to them, is in unwelcome company', () => {
  const other = 3n as AccountId
  const company = (
    relation: Partial<Relation>,
    status: { mentions: AccountId[]; inReplyToAccount: AccountId | null },
  ) => isUnwelcomeCompany(recipient, status, (target) => (target === other ? { ...none, ...relation } : none))
  const beside = { mentions: [recipient, other], inReplyToAccount: null }
  const inAnswer = { mentions: [recipient], inReplyToAccount: other }
  for (const status of [beside, inAnswer]) {
    assert.equal(company({}, status), false)
    assert.equal(company({ blocking: true }, status), true)
    assert.equal(company({ muting: true, mutingNotifications: true }, status), true)
    assert.equal(company({ muting: true }, status), false, 'a mute that leaves notifications')
    assert.equal(company({ blockedBy: true }, status), false, 'who blocks the recipient may be spoken to')
  }
})

test('a follow or a request is shown only while it stands', () => {
  assert.equal(edgeStands('follow', none), false)
  assert.equal(edgeStands('follow', { ...none, followedBy: true }), true)
  assert.equal(edgeStands('follow_request', { ...none, followedBy: true }), false)
  assert.equal(edgeStands('follow_request', { ...none, requestedBy: true }), true)
  assert.equal(edgeStands('mention', none), true)
})

const nowMs = Date.parse('2026-11-02T12:00:00Z')
const account = { id: sender, createdAtMs: nowMs - NEW_ACCOUNT_MS, silenced: false, bot: false } as AccountRecord
const direct = { visibility: 'direct', inReplyToAccount: null } as StatusRecord
const accepting = { ...DEFAULT_POLICY, limitedAccounts: 'accept' as const }
const asked: PolicyFacts = {
  type: 'mention',
  recipient,
  sender: account,
  relation: none,
  status: direct,
  permitted: false,
  nowMs,
}

test('each rule of a policy holds back those it names, and lets go of those it does not', () => {
  const following = { ...none, following: true }
  const cases: [keyof typeof DEFAULT_POLICY, Partial<PolicyFacts>, Partial<PolicyFacts>][] = [
    ['notFollowing', {}, { relation: following }],
    ['notFollowers', {}, { relation: { ...none, followedBy: true } }],
    ['newAccounts', { sender: { ...account, createdAtMs: nowMs - NEW_ACCOUNT_MS + 1 } }, {}],
    ['privateMentions', {}, { status: { ...direct, inReplyToAccount: recipient } }],
    ['privateMentions', {}, { status: { ...direct, visibility: 'public' } }],
    ['privateMentions', {}, { relation: following }],
    ['limitedAccounts', { sender: { ...account, silenced: true } }, {}],
    ['limitedAccounts', { sender: { ...account, silenced: true } }, { relation: following }],
    ['bots', { sender: { ...account, bot: true } }, {}],
  ]
  for (const [rule, named, notNamed] of cases) {
    const policy = { ...accepting, [rule]: 'filter' as const }
    assert.equal(policyChoice(policy, { ...asked, ...named }), 'filter', rule)
    assert.equal(policyChoice(policy, { ...asked, ...notNamed }), 'accept', rule)
    assert.equal(policyChoice(policy, { ...asked, ...named, permitted: true }), 'accept', `${rule}, permitted`)
  }
})

test('the strictest rule that applies wins', () => {
  assert.equal(policyChoice({ ...accepting, notFollowing: 'filter', notFollowers: 'drop' }, asked), 'drop')
  assert.equal(policyChoice(accepting, asked), 'accept')
})

test('a new follower is no stranger to the rule about followers', () => {
  const policy = { ...accepting, notFollowers: 'drop' as const }
  assert.equal(policyChoice(policy, { ...asked, type: 'follow', status: undefined }), 'accept')
})

test('favourites of one status share a key within the window, and follows share one without a status', () => {
  const status = 77n as StatusId
  const startMs = GROUP_WINDOW_MS * 1000
  const key = groupKeyFor('favourite', status, startMs)
  assert.equal(key, 'favourite-77-1000')
  assert.equal(groupKeyFor('favourite', status, startMs + GROUP_WINDOW_MS - 1), key)
  assert.notEqual(groupKeyFor('favourite', status, startMs + GROUP_WINDOW_MS), key)
  assert.notEqual(groupKeyFor('reblog', status, startMs), key)
  assert.equal(groupKeyFor('follow', null, startMs), 'follow-1000')
  assert.equal(groupKeyFor('mention', status, startMs), null)
})

test('a notification that is not grouped is known by its own id', () => {
  const record = { id: 5n, type: 'favourite' as const, groupKey: 'favourite-77-1000' }
  assert.equal(shownGroupKey(record), 'favourite-77-1000')
  assert.equal(shownGroupKey(record, ['reblog']), 'ungrouped-5')
  assert.equal(shownGroupKey({ ...record, groupKey: null }), 'ungrouped-5')
  assert.equal(ungroupedId('ungrouped-5'), 5n)
  for (const key of [
    'ungrouped-',
    'ungrouped-x',
    'ungrouped--1',
    'favourite-77-1000',
    'ungrouped-99999999999999999999',
  ]) {
    assert.equal(ungroupedId(key), undefined, key)
  }
})
