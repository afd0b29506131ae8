/** One message to one subscriber, and what the push service's answer means. */
import type { Outbound, OutboundAnswer } from '../engines/outbound/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import type { PushOutcome, PushTarget } from './contract.ts'
import { encryptLegacy, encryptStandard } from './encryption.ts'
import type { Vapid } from './vapid.ts'

/** A push service that takes longer is not waited for. */
export const SEND_MS_MAX = 10_000
/** Answers are not read, but what comes has to be let by for the connection to be used again. */
const ANSWER_BYTES_MAX = 16 * 1024

export interface Sending {
  outbound: Pick<Outbound, 'request'>
  vapid: Vapid
  clock: Clock
}

export interface PushMessage {
  body: Buffer
  /** Seconds for which the service keeps it. */
  ttlSeconds: number
  urgency: 'very-low' | 'low' | 'normal' | 'high'
  /** At most 32 letters of base64url: a later message with the same one replaces it. */
  topic: string
  notification: bigint | null
}

export interface Sent {
  outcome: PushOutcome
  /** Seconds after which the service wants to be asked again. */
  retryAfterSeconds: number | undefined
}

/** Never throws: whatever happens is an outcome. */
export async function send(sending: Sending, target: PushTarget, message: PushMessage): Promise<Sent> {
  const { clock, outbound } = sending
  const startMs = performance.now()
  const told = (outcome: PushOutcome['outcome'], answer?: OutboundAnswer): Sent => ({
    outcome: {
      atMs: clock.nowMs(),
      notification: message.notification,
      outcome,
      status: answer?.status ?? null,
      tookMs: performance.now() - startMs,
    },
    retryAfterSeconds: secondsOf(answer?.headers['retry-after'], clock),
  })
  try {
    const url = new URL(target.endpoint)
    const answer = await outbound.request({
      url,
      method: 'POST',
      ...sealedFor(sending.vapid, url, target, message),
      deadlineMs: SEND_MS_MAX,
      answerBytesMax: ANSWER_BYTES_MAX,
    })
    return told(meaningOf(answer.status), answer)
  } catch (error) {
    // An address that may not be reached now may never be.
    return told(error instanceof AppError && error.code === 'invalid' ? 'given_up' : 'failed')
  }
}

function sealedFor(vapid: Vapid, url: URL, target: PushTarget, message: PushMessage) {
  const { standard } = target
  const { body, headers } = (standard ? encryptStandard : encryptLegacy)(message.body, target)
  return {
    body,
    headers: {
      ...headers,
      ...vapid.headers(url, standard, headers['crypto-key']),
      'content-type': 'application/octet-stream',
      ttl: message.ttlSeconds,
      urgency: message.urgency,
      topic: message.topic,
      'user-agent': 'Dunlin',
    },
  }
}

/** RFC 8030: only 404 and 410 say that the subscription has ended. A redirect is no answer: it is not followed. */
function meaningOf(status: number): PushOutcome['outcome'] {
  if (status >= 200 && status < 300) return 'delivered'
  if (status === 404 || status === 410) return 'gone'
  const isTemporary = status >= 500 || status === 429 || status === 408 || status === 425
  return isTemporary ? 'failed' : 'given_up'
}

/** RFC 9110: seconds, or a date. */
function secondsOf(text: string | undefined, clock: Clock): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : Math.max(0, (ms - clock.nowMs()) / 1_000)
}
