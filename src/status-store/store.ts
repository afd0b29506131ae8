/** The status store on PostgreSQL: each question is a function beside its table, here they get their database and clock. */
import type { Database } from '../engines/database/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { StatusStore } from './contract.ts'
import { authorStatsOf, countsOf, totalStatuses } from './counts.ts'
import { forgetKeys, reserveKey, reserveKeys, statusOfKey } from './idempotency.ts'
import { holdStatuses, insertStatuses } from './import.ts'
import * as marks from './marks.ts'
import * as polls from './polls.ts'
import * as scheduled from './scheduled.ts'
import { closedIdsOf, libraryOf, openIdsBetween, openIdsOf } from './searching.ts'
import { accountIds, conversationAround, homeIds, publicIds } from './skeletons.ts'
import * as statuses from './statuses.ts'
import { tagIds, tagsByPrefix } from './tags.ts'

export function openStatusStore({ db, clock }: { db: Database; clock: Clock }): StatusStore {
  return {
    findByIdempotencyKey: (account, key) => statusOfKey(db, account, key, clock.nowMs()),
    reserveIdempotencyKey: (tx, account, key, status) => reserveKey(tx, { account, key, status }, clock.nowMs()),
    reserveIdempotencyKeys: (tx, keys) => reserveKeys(tx, keys, clock.nowMs()),
    prune: () => forgetKeys(db, clock.nowMs()),
    insert: statuses.insertStatus,
    insertMany: insertStatuses,
    remove: statuses.removeStatus,
    removeDependents: statuses.removeDependentsOf,
    edit: statuses.editStatus,
    lock: statuses.lockStatus,
    hold: statuses.holdStatus,
    holdUnlocked: statuses.holdUnlocked,
    holdMany: holdStatuses,

    byIds: (ids) => statuses.statusesByIds(db, ids),
    counts: (ids) => countsOf(db, ids),
    marks: (viewer, records) => marks.marksOf(db, viewer, records),
    authorStats: (ids) => authorStatsOf(db, ids),
    totalStatuses: () => totalStatuses(db),

    addFavourite: marks.addFavourite,
    removeFavourite: marks.removeFavourite,
    addBookmark: marks.addBookmark,
    removeBookmark: marks.removeBookmark,
    addPin: marks.addPin,
    removePin: marks.removePin,
    muteConversation: marks.muteConversation,
    unmuteConversation: marks.unmuteConversation,
    insertScheduled: scheduled.insertScheduled,
    moveScheduled: scheduled.moveScheduled,
    removeScheduled: scheduled.removeScheduled,
    takeScheduled: scheduled.takeScheduled,
    putOffScheduled: scheduled.putOffScheduled,
    dueScheduled: scheduled.dueScheduled,
    findScheduled: (account, id) => scheduled.findScheduled(db, account, id),
    scheduled: (account, page) => scheduled.scheduledOf(db, account, page),
    insertPoll: polls.insertPoll,
    changePoll: polls.changePoll,
    lockPoll: polls.lockPoll,
    addVotes: polls.addVotes,
    closePolls: polls.closePolls,
    polls: (ids) => polls.pollsOf(db, ids),
    pollVoters: (status, after, limit) => polls.pollVoters(db, status, after, limit),
    boostBy: (account, status) => statuses.boostOf(db, account, status),
    isConversationMuted: (account, conversation) => marks.isConversationMuted(db, account, conversation),

    publicIds: (page, filter) => publicIds(db, page, filter),
    accountIds: (account, page, filter) => accountIds(db, account, page, filter),
    tagIds: (query, page) => tagIds(db, query, page),
    homeIds: (authors, page, viewer) => homeIds(db, authors, page, viewer),
    favouriteIds: (account, page) => marks.favouriteIds(db, account, page),
    bookmarkIds: (account, page) => marks.bookmarkIds(db, account, page),
    conversation: (id, limit) => conversationAround(db, id, limit),
    boostedBy: (status, page, only) => marks.boostedBy(db, status, page, only?.openly === true),
    favouritedBy: (status, page) => marks.favouritedBy(db, status, page),
    edits: (status) => statuses.editsOf(db, status),
    openIdsBetween: (after, until, limit) => openIdsBetween(db, after, until, limit),
    openIdsOf: (account, after, limit) => openIdsOf(db, account, after, limit),
    closedIdsOf: (account, limit) => closedIdsOf(db, account, limit),
    libraryOf: (account, limit) => libraryOf(db, account, limit),
    tagsByPrefix: (prefix, limit) => tagsByPrefix(db, prefix, limit),
  }
}
