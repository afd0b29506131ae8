import { boost, unboost, type Boosting } from './boosting.ts'
/** The write API, put together: one file for each thing that people do. */
import type { WriteApi } from './contract.ts'
import { edit, type Editing } from './editing.ts'
import * as marking from './marking.ts'
import { vote, type Voting } from './polling.ts'
import { openPosting, type Posting } from './posting.ts'
import { remove, type Removing } from './removing.ts'
import * as scheduling from './scheduling.ts'

/** What the acts need, all together; each takes only its own part. */
export type WriteApiDeps = scheduling.ScheduledReading &
  Posting &
  Editing &
  Removing &
  Boosting &
  Voting &
  marking.Marking

export function openWriteApi(deps: WriteApiDeps): WriteApi {
  return {
    post: openPosting(deps),
    schedule: (author, draft, atMs) => scheduling.schedule(deps, author, draft, atMs),
    reschedule: (author, id, atMs) => scheduling.reschedule(deps, author, id, atMs),
    unschedule: (author, id) => scheduling.unschedule(deps, author, id),
    scheduled: (author, page) => scheduling.scheduled(deps, author, page),
    findScheduled: (author, id) => scheduling.findScheduled(deps, author, id),
    edit: (author, id, wanted) => edit(deps, author, id, wanted),
    remove: (author, id, deleteMedia) => remove(deps, author, id, deleteMedia),
    boost: (account, id, visibility) => boost(deps, account, id, visibility),
    unboost: (account, id) => unboost(deps, account, id),
    favourite: (account, id) => marking.favourite(deps, account, id),
    unfavourite: (account, id) => marking.unfavourite(deps, account, id),
    bookmark: (account, id) => marking.bookmark(deps, account, id),
    unbookmark: (account, id) => marking.unbookmark(deps, account, id),
    vote: (account, id, choices) => vote(deps, account, id, choices),
    pin: (account, id) => marking.pin(deps, account, id),
    unpin: (account, id) => marking.unpin(deps, account, id),
    muteConversation: (account, id) => marking.muteConversation(deps, account, id),
    unmuteConversation: (account, id) => marking.unmuteConversation(deps, account, id),
  }
}
