/** Every bound of the streams. Counts of connections are of one thread, since each holds its own. */
import assert from 'node:assert/strict'

export interface StreamLimits {
  /** Held at once. */
  streamsMax: number
  streamsPerAccountMax: number
  streamsPerAddressMax: number
  /** Of one WebSocket. */
  subscriptionsMax: number
  /** Connections admitted in one second, after as many at once; the others are told when to come again. */
  connectsPerSecond: number
  /** Bytes written to a connection that it has not taken; beyond, it is dropped. */
  queuedBytesMax: number
  /** What a client may send: one message, messages at once, and messages each second after that. */
  messageBytesMax: number
  messagesBurst: number
  messagesPerSecond: number
  /** Events that wait to be sent; when there are more, all streams are cut, so that their clients read what they missed. */
  eventsWaitingMax: number
  /** Events looked up at once, ahead of the one being sent. */
  lookUpsMax: number
  /** What a client that comes back can be given again. */
  logEventsMax: number
  logAgeMs: number
  replayEventsMax: number
  /** Sockets written before other work gets its turn. */
  writesPerTurn: number
}

export const STREAM_LIMITS: StreamLimits = {
  streamsMax: 20_000,
  streamsPerAccountMax: 20,
  streamsPerAddressMax: 1_000,
  subscriptionsMax: 100,
  connectsPerSecond: 1_000,
  queuedBytesMax: 256 * 1024,
  messageBytesMax: 64 * 1024,
  messagesBurst: 200,
  messagesPerSecond: 2,
  eventsWaitingMax: 10_000,
  lookUpsMax: 32,
  logEventsMax: 8_192,
  logAgeMs: 5 * 60_000,
  replayEventsMax: 400,
  writesPerTurn: 64,
}

/** A subscription to every stream must be possible at once, and a replay must fit into the queue of one connection. */
const REPLAYED_EVENT_BYTES = 512
assert(STREAM_LIMITS.subscriptionsMax <= STREAM_LIMITS.messagesBurst)
assert(STREAM_LIMITS.replayEventsMax * REPLAYED_EVENT_BYTES <= STREAM_LIMITS.queuedBytesMax)

/** How often lines are looked at, and the shares of it: each line has its own turn, so that not all are written at once. */
export const BEAT_MS = 1_000
export const THUMP_BEATS = 15
export const PING_BEATS = 30

/** When a client should come back: spread, or a restart is followed by all of them in one moment. */
export const RETRY_MS_MIN = 1_000
export const RETRY_MS_MAX = 10_000

/** How long a WebSocket may take to answer that it closes. */
export const CLOSE_MS_MAX = 2_000
