/** Conversations: for each person the exchanges of direct statuses they take part in, by who takes part. */
import type { AccountView, StatusView } from '../hydration/contract.ts'
import type { Cursored, Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'

export interface ConversationView {
  id: bigint
  unread: boolean
  /** Without the person themselves; nobody for what they wrote to themselves. */
  accounts: AccountView[]
  lastStatus: StatusView
}

/** Another's id is as one that nothing has. */
export interface Conversations {
  /** By the newest status, which is the cursor; those whose newest status may not be seen, or is of somebody silenced, are left out. */
  list(account: AccountId, page: Page): Promise<Cursored<ConversationView>[]>
  find(account: AccountId, id: bigint): Promise<ConversationView | undefined>
  /** False when there is none. */
  setUnread(account: AccountId, id: bigint, unread: boolean): Promise<boolean>
  /** Until somebody writes again. False when there is none. */
  remove(account: AccountId, id: bigint): Promise<boolean>
}
