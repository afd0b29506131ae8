/**
 * Work that is due at a time: the end of polls, scheduled statuses, mutes and filters that lapse.
 *
 * There is no table of jobs. Whatever is due is a row of the block that owns it, with its time in it; a *due work* finds
 * such rows by an index, claims them with `for update skip locked`, and does what is to be done, outbox included, in the
 * transaction that marks them as done. So there is nothing to keep in step, a change of the time is an update of the row,
 * and each happens exactly once: after a crash the transaction is gone with all it did, of two schedulers one has the
 * row, and a clock that steps back finds nothing that is done already (docs/decisions has what else was considered).
 */

/** Rows claimed by one call, so that no transaction is long. */
export const DUE_PER_BATCH = 100

export interface DueWork {
  /** For logs and `dunlin ps`. */
  readonly name: string
  /** Does at most `limit` of what is due at `nowMs` (since 1970), and says how many it looked at. */
  run(nowMs: number, limit: number): Promise<number>
}

export interface DueWorkState {
  name: string
  /** Since the start of this process. */
  done: number
  /** Milliseconds since 1970; 0 before the first round without an error. */
  lastSuccessMs: number
}

export interface Scheduler extends AsyncDisposable {
  state(): DueWorkState[]
}
