export * from './ids.ts'

/** Mints ids: unique over all workers, strictly increasing per generator. */
export interface Snowflakes {
  /**
   * The next id. Never blocks for long: an exhausted millisecond is waited out.
   * Throws `unavailable` when the clock went back further than the bound, or the worker lease is lost.
   */
  next<Id extends bigint>(): Id
  /** The same as decimal string, for callers that only send it on. */
  nextText(): string
  /** An id of another time, from a worker number of its own: for imports and the seed. */
  at<Id extends bigint>(ms: number): Id
  /** False while minting is refused (clock, lease); readiness shows it. */
  ready(): boolean
}
