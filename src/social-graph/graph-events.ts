/** The events that tell of changed edges. */
import { encodeEvent, IMPORT_KEY, type EventBodies } from '../events/contract.ts'
import type { Ends } from './rows.ts'

export function changedEvent(
  { source, target }: Ends,
  change: EventBodies['graph.changed']['change'],
  version: bigint,
) {
  return encodeEvent('graph.changed', source, { source, target, change, version })
}

export function importedEvent(edges: readonly Ends[], version: bigint) {
  const sources = edges.map(({ source }) => source)
  const targets = edges.map(({ target }) => target)
  return encodeEvent('follows.imported', IMPORT_KEY, { sources, targets, version })
}
