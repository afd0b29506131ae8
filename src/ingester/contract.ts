/**
 * The Ingester: a status → the document that the index holds of it. It follows what is written, edited, deleted and marked,
 * and is where the index reads again what it has lost.
 */
import type { Counts } from '../earlybird/contract.ts'
import type { MediaRecord } from '../media/contract.ts'
import type { StatusRecord } from '../status-store/contract.ts'

/** All that a document is made of. */
export interface IngestedStatus {
  status: StatusRecord
  media: readonly Pick<MediaRecord, 'description' | 'type'>[]
  counts?: Counts
  /** Texts to choose from. */
  pollOptions?: readonly string[]
}

/** A walk over the whole index: `verify` counts what is wrong, `rebuild` writes every document anew. */
export interface IndexRun {
  kind: 'verify' | 'rebuild'
  isDone: boolean
  /** Statuses looked at so far. */
  checked: number
  /** In the source, and not in the index. */
  missing: number
  /** In the index, and not in the source. */
  surplus: number
  /** What ended it before its end. */
  error: string | null
}
