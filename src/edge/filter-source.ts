/** From filters as they are stored to what a status says of them. */
import type { Filters } from '../filters/contract.ts'
import { presentFilterResult } from '../mastodon/filter.ts'
import type { FilterSource } from './presenting.ts'

export function filterSource(filters: Pick<Filters, 'matcher'>): FilterSource {
  return async (viewer) => {
    const match = await filters.matcher(viewer)
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
}
