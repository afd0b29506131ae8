/** What one thread tells the others of pairs: whole, as of a version, so that they need not ask the database. */
import type { Topic } from '../kit/siblings.ts'
import type { Pair } from './pair.ts'
import type { Ends } from './rows.ts'

interface PairNews {
  ends: readonly Ends[]
  /** In the order of `ends`; each has everything up to `version`, and perhaps more. */
  pairs: readonly Pair[]
  version: bigint
}

export const PAIRS: Topic<PairNews> = { name: 'social-graph.pairs' }
