/**
 * Hydration in one of several threads: what this thread wrote, the others forget before the writer has its answer. Each
 * hears the events for itself, as alone.
 */
import type { Siblings, Topic } from '../kit/siblings.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { StatusRecord } from '../status-store/contract.ts'
import type { Written } from './contract.ts'
import { CachedHydration, type HydrationDeps } from './hydration.ts'

type Forgotten =
  | { status: StatusId }
  | { account: AccountId }
  | { marksOf: AccountId; on: StatusId | undefined }
  /** New statuses, and those they reply to; who asked for one too early must not keep that there is none. */
  | { written: readonly StatusId[]; repliedTo: readonly StatusId[]; by: readonly AccountId[] }

const FORGOTTEN: Topic<Forgotten> = { name: 'hydration.forgotten' }

export class ToldHydration extends CachedHydration implements Disposable {
  readonly #siblings: Siblings
  readonly #hearing: Disposable

  constructor(deps: HydrationDeps, siblings: Siblings) {
    super(deps)
    this.#siblings = siblings
    this.#hearing = siblings.hear(FORGOTTEN, (forgotten) => this.#take(forgotten))
  }

  override expect(statuses: readonly Pick<StatusRecord, 'accountId' | 'id'>[]): (outcome: Written) => void {
    const know = super.expect(statuses)
    return (outcome) => {
      know(outcome)
      if (outcome.statuses.length === 0) return
      this.#siblings.tell(FORGOTTEN, {
        written: outcome.statuses.map(({ id }) => id),
        repliedTo: outcome.statuses.flatMap(({ inReplyTo }) => inReplyTo ?? []),
        by: [...new Set(outcome.statuses.map(({ accountId }) => accountId))],
      })
    }
  }

  override forgetStatus(id: StatusId): void {
    super.forgetStatus(id)
    this.#siblings.tell(FORGOTTEN, { status: id })
  }

  override forgetAccount(id: AccountId): void {
    super.forgetAccount(id)
    this.#siblings.tell(FORGOTTEN, { account: id })
  }

  override forgetMarks(viewer: AccountId, status: StatusId | undefined): void {
    super.forgetMarks(viewer, status)
    this.#siblings.tell(FORGOTTEN, { marksOf: viewer, on: status })
  }

  [Symbol.dispose](): void {
    this.#hearing[Symbol.dispose]()
  }

  #take(forgotten: Forgotten): void {
    if ('status' in forgotten) super.forgetStatus(forgotten.status)
    else if ('account' in forgotten) super.forgetAccount(forgotten.account)
    else if ('marksOf' in forgotten) super.forgetMarks(forgotten.marksOf, forgotten.on)
    else {
      for (const id of forgotten.written) super.forgetStatus(id)
      for (const id of forgotten.repliedTo) super.forgetStatus(id)
      for (const id of forgotten.by) super.forgetAccount(id)
    }
  }
}
