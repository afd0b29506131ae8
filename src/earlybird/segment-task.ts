/** The building of one sealed segment, in steps. */
import type { Authors } from './authors.ts'
import { type Built, buildSealed, carryChanges } from './sealing.ts'
import type { Segment } from './segment.ts'

export class SegmentTask {
  readonly sources: readonly Segment[]
  readonly #steps: Generator<void, Built>

  constructor(sources: readonly Segment[], authors: Authors) {
    this.sources = sources
    this.#steps = buildSealed(sources, authors)
  }

  /** Works until `untilAt` on the clock of `performance.now()`, at least one step. Undefined while there is more to do. */
  work(untilAt: number): Built | undefined {
    for (;;) {
      const step = this.#steps.next()
      if (step.done === true) {
        carryChanges(step.value, this.sources)
        return step.value
      }
      if (performance.now() >= untilAt) return undefined
    }
  }
}

/** Sealed segments of about one size that are merged at once. */
const MERGE_SEGMENTS = 4
/** Larger ones are not merged any more: the gain is small, and the work is not. */
export const MERGED_DOCUMENTS_MAX = 2 ** 20
/** A segment of which less is left is written anew. */
const KEPT_SHARE_MIN = 0.5

export interface MergeCandidate {
  documents: number
  deleted: number
}

/**
 * Which segments to merge now; none if nothing is worth it. Sizes that differ by less than MERGE_SEGMENTS times are of one
 * tier, so each document is copied once a tier: the logarithmic method of Lester, Moffat & Zobel, "Efficient Online
 * Index Construction for Text Databases" (TODS 2008).
 */
export function mergeChoice<T extends MergeCandidate>(segments: readonly T[]): T[] {
  const wasted = segments.find(({ documents, deleted }) => documents - deleted < documents * KEPT_SHARE_MIN)
  if (wasted !== undefined) return [wasted]
  const tiers = new Map<number, T[]>()
  for (const segment of segments) {
    const kept = Math.max(1, segment.documents - segment.deleted)
    if (kept * 2 > MERGED_DOCUMENTS_MAX) continue
    const tier = Math.floor(Math.log(kept) / Math.log(MERGE_SEGMENTS) + 1e-9)
    tiers.set(tier, [...(tiers.get(tier) ?? []), segment])
  }
  for (const tier of [...tiers.keys()].toSorted((a, b) => a - b)) {
    const all = tiers.get(tier) ?? []
    if (all.length >= MERGE_SEGMENTS) return all.slice(0, MERGE_SEGMENTS)
  }
  return []
}
