/** What a client says on a WebSocket: subscribe and unsubscribe, one JSON object a message, and not too many of them. */
import { AppError } from '../kit/errors.ts'
import type { Wish } from './channel.ts'

export interface ClientMessage extends Wish {
  type: 'subscribe' | 'unsubscribe'
}

/** Throws `bad_request`. */
export function parseClientMessage(text: string): ClientMessage {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new AppError('bad_request', 'A message must be JSON', { cause: error })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new AppError('bad_request', 'A message must be an object')
  }
  const { type, stream, tag, list } = parsed as Record<string, unknown> // an object, whose fields are checked one by one
  if (type !== 'subscribe' && type !== 'unsubscribe') {
    throw new AppError('bad_request', 'The type of a message is subscribe or unsubscribe')
  }
  return { type, stream, tag, list }
}

/** So many at once, and so many each second after that. */
export class MessageAllowance {
  readonly #perSecond: number
  readonly #burst: number
  #left: number
  #atMs: number

  constructor(limits: { messagesBurst: number; messagesPerSecond: number }, nowMs: number) {
    this.#perSecond = limits.messagesPerSecond
    this.#burst = limits.messagesBurst
    this.#left = this.#burst
    this.#atMs = nowMs
  }

  /** False when there were too many. */
  take(nowMs: number): boolean {
    const passedMs = Math.max(0, nowMs - this.#atMs)
    this.#left = Math.min(this.#burst, this.#left + (passedMs / 1_000) * this.#perSecond)
    this.#atMs = nowMs
    this.#left -= 1
    return this.#left >= 0
  }
}
