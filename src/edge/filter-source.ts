/** From filters as they are stored to what a status says of them. */
import type { FilterMatcher, Filters } from '../filters/contract.ts'
import type { StatusView } from '../hydration/contract.ts'
import { presentFilterResult } from '../mastodon/filter.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { Filtering, FilterSource } from './presenting.ts'

export function filterSource(filters: Pick<Filters, 'matcher' | 'matcherNow'>): FilterSource {
  // By the compiled filters, which are replaced when a person changes theirs.
  const remembering = new WeakMap<FilterMatcher, Filtering>()
  const source = async (viewer: AccountId) => filtering(await filters.matcher(viewer))
  const now = (viewer: AccountId) => {
    const match = filters.matcherNow(viewer)
    if (typeof match !== 'function') return match
    const known = remembering.get(match) ?? rememberingMisses(filtering(match))
    remembering.set(match, known)
    return known
  }
  return Object.assign(source, { now })
}

function filtering(match: FilterMatcher): Filtering {
  return ({ status, media, poll }) =>
    match({
      id: status.id,
      texts: [
        status.spoilerText,
        status.text,
        ...media.flatMap(({ description }) => description ?? []),
        ...(poll?.options ?? []),
      ],
    }).map(presentFilterResult)
}

/** What no filter meets, none will: they only lapse. Hits are looked for again. */
function rememberingMisses(filtered: Filtering): Filtering {
  const misses = new WeakSet<StatusView>()
  return (view) => {
    if (misses.has(view)) return []
    const hits = filtered(view)
    if (hits.length === 0) misses.add(view)
    return hits
  }
}
