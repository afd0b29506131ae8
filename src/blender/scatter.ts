/**
 * Scatter and gather: every part of the index is asked at once, and their hits are merged in the order asked for. A part that
 * fails or is late is left out, and `partial` says `missing`: some hits now are worth more than all of them too late.
 */
import type { EarlybirdReader, Hit, Lacking, Query, SearchOptions, SearchResult } from '../earlybird/contract.ts'
import { DEADLINE_MS, HITS_MAX } from '../earlybird/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { PartExplanation } from './contract.ts'

export interface IndexPart {
  name: string
  reader: Pick<EarlybirdReader, 'search'>
}

/** Beyond its own deadline a part gets this long for the way. Milliseconds. */
const WAY_MS = 250

export interface Gathered {
  hits: Hit[]
  partial: Lacking[]
  explain: PartExplanation[]
}

export async function scatter(
  parts: readonly IndexPart[],
  query: Query,
  options: SearchOptions,
  clock: Pick<Clock, 'sleep'>,
): Promise<Gathered> {
  // Any part may have all of the first hits, so that those passed over are passed over here.
  const { offset = 0, limit } = options
  const each = { ...options, offset: 0, limit: Math.min(HITS_MAX, offset + limit) }
  const answers = await Promise.all(parts.map((part) => answerOf(part, query, each, clock)))
  const partial = new Set<Lacking>()
  const hits: Hit[] = []
  const explain: PartExplanation[] = []
  for (const { part, result } of answers) {
    if (result === undefined) partial.add('missing')
    else {
      for (const lacking of result.partial) partial.add(lacking)
      hits.push(...result.hits)
      explain.push({ part, ...result.explain })
    }
  }
  if (answers.length > 1) hits.sort(options.order === 'newest' ? newestFirst : bestFirst)
  return { hits: hits.slice(offset, offset + limit), partial: [...partial], explain }
}

async function answerOf(
  part: IndexPart,
  query: Query,
  options: SearchOptions,
  clock: Pick<Clock, 'sleep'>,
): Promise<{ part: string; result: SearchResult | undefined }> {
  const answered = new AbortController()
  const late = clock.sleep((options.deadlineMs ?? DEADLINE_MS) + WAY_MS, answered.signal).then(
    () => undefined,
    () => undefined,
  )
  try {
    const result = await Promise.race([part.reader.search(query, options), late])
    return { part: part.name, result }
  } catch {
    return { part: part.name, result: undefined }
  } finally {
    answered.abort()
  }
}

export function newestFirst(one: { id: bigint }, other: { id: bigint }): number {
  return one.id < other.id ? 1 : one.id > other.id ? -1 : 0
}

function bestFirst(one: Hit, other: Hit): number {
  return other.score - one.score || newestFirst(one, other)
}
