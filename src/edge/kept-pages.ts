/**
 * Pages that were read twice in the same state: who looks again and again, as clients do, gets the same bytes without
 * anything being put together. A page is kept only once it was asked for again unchanged, so that people whose timeline
 * moves between two looks cost no memory; one for each person, the longest unread go first.
 */
import type { AccountId } from '../snowflake/contract.ts'

/** Of one thread: some 1,400 pages of 20 statuses. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024
/** People whose last look is remembered, with or without its bytes. */
const LOOKS_MAX = 20_000

export interface KeptPage {
  body: Buffer
  cursors: readonly bigint[]
}

/** `of`: what was asked for; a look is compared by it. */
interface Look<Of> {
  of: Of
  isStill: () => boolean
  page: KeptPage | undefined
}

export class KeptPages<Of> {
  readonly #looks = new Map<AccountId, Look<Of>>()
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax = KEPT_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** The page, if it is kept and would be the same now. */
  find(viewer: AccountId, of: Of): KeptPage | undefined {
    const look = this.#looks.get(viewer)
    if (look?.page === undefined || look.of !== of) return undefined
    if (!look.isStill()) {
      this.#remove(viewer)
      return undefined
    }
    this.#looks.delete(viewer)
    this.#looks.set(viewer, look)
    return look.page
  }

  /** Notes what a person was given, `isStill` saying whether it would be the same now. The bytes are copied. */
  note(viewer: AccountId, of: Of, page: KeptPage & { isStill?: (() => boolean) | undefined }): void {
    const { isStill } = page
    const before = this.#looks.get(viewer)
    this.#remove(viewer)
    if (isStill === undefined) return
    const isAgain = before !== undefined && before.of === of && before.isStill()
    const kept = isAgain ? { body: Buffer.from(page.body), cursors: page.cursors } : undefined
    this.#looks.set(viewer, { of, isStill, page: kept })
    this.#bytes += kept?.body.length ?? 0
    while (this.#bytes > this.#bytesMax || this.#looks.size > LOOKS_MAX) {
      const oldest = this.#looks.keys().next()
      if (oldest.done === true) return
      this.#remove(oldest.value)
    }
  }

  #remove(viewer: AccountId): void {
    this.#bytes -= this.#looks.get(viewer)?.page?.body.length ?? 0
    this.#looks.delete(viewer)
  }
}
