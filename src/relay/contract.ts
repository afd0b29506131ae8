/**
 * The relay: takes committed messages out of the outbox and hands them to the bus, in order per key, at least once.
 * Any number of relays may run on one database.
 */
export interface RelayState {
  /** Rows claimed and not yet finished. */
  inFlight: number
  /** Rows that the bus has taken (or, refused for good, were parked) since the start. */
  published: number
  /** Milliseconds since 1970 of the last claim that succeeded; 0 before the first. A relay that is stuck shows here. */
  lastSuccessMs: number
  /** Rows waiting in the outbox and the age of the oldest, as of at most a few seconds ago. */
  lagRows: number
  lagMs: number
}

export interface Relay extends AsyncDisposable {
  state(): RelayState
}
