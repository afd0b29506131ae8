/** Id cursors of the Mastodon API, exclusive; results are always newest first (reference: conventions §1). */
export interface Page {
  maxId?: bigint | undefined
  /** Newest `limit` above it; leaves a gap when more are new. */
  sinceId?: bigint | undefined
  /** The `limit` closest above it; wins over `sinceId`. */
  minId?: bigint | undefined
  limit: number
}

/** One page of rows with a cursor that is not the entity's own id. */
export interface Cursored<Item> {
  cursor: bigint
  item: Item
}
