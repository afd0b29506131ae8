/** Conversation: an exchange of direct statuses, as one of those who take part reads it. */
import type { AccountView, StatusView } from '../hydration/contract.ts'
import type { Account } from './account.ts'
import { presentAccounts } from './account.ts'
import type { Site } from './site.ts'
import { presentStatus, type Reader, type Status } from './status.ts'

interface ConversationShown {
  id: bigint
  unread: boolean
  accounts: readonly AccountView[]
  lastStatus: StatusView
}

export interface Conversation {
  id: string
  unread: boolean
  accounts: Account[]
  last_status: Status
}

export function presentConversation(shown: ConversationShown, at: Site, reader: Reader): Conversation {
  return {
    id: shown.id.toString(),
    unread: shown.unread,
    accounts: presentAccounts(shown.accounts, at),
    last_status: presentStatus(shown.lastStatus, at, reader),
  }
}
