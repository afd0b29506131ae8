/** Mastodon's throttles (rack_attack.rb and rate_limiter.rb of 4.6.5). Every figure can be configured. */

export interface Throttle {
  /** Requests allowed in one window. */
  limit: number
  periodSeconds: number
}

/** What a throttle counts by. `given`: the route hands over the key (an e-mail address, say). */
type ThrottleKey = 'user' | 'token' | 'ip' | 'anonymous-ip' | 'given'

interface ThrottleRule extends Throttle {
  by: ThrottleKey
  /** Counted only when the request succeeds, as Mastodon's families of records. */
  successOnly?: true
}

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const THROTTLES = {
  api_user: { by: 'user', limit: 1500, periodSeconds: 5 * MINUTE },
  api_token: { by: 'token', limit: 300, periodSeconds: 5 * MINUTE },
  api_anonymous: { by: 'anonymous-ip', limit: 300, periodSeconds: 5 * MINUTE },
  paging_user: { by: 'user', limit: 300, periodSeconds: 15 * MINUTE },
  paging_anonymous: { by: 'anonymous-ip', limit: 300, periodSeconds: 15 * MINUTE },
  media_upload: { by: 'user', limit: 30, periodSeconds: 30 * MINUTE },
  status_delete: { by: 'user', limit: 30, periodSeconds: 30 * MINUTE },
  app_registration: { by: 'ip', limit: 5, periodSeconds: 10 * MINUTE },
  sign_up_api: { by: 'ip', limit: 5, periodSeconds: 30 * MINUTE },
  sign_up_form: { by: 'ip', limit: 25, periodSeconds: 5 * MINUTE },
  login_ip: { by: 'ip', limit: 25, periodSeconds: 5 * MINUTE },
  login_email: { by: 'given', limit: 25, periodSeconds: HOUR },
  password_reset_ip: { by: 'ip', limit: 25, periodSeconds: 5 * MINUTE },
  password_reset_email: { by: 'given', limit: 5, periodSeconds: 30 * MINUTE },
  confirmation_ip: { by: 'ip', limit: 25, periodSeconds: 5 * MINUTE },
  confirmation_email: { by: 'given', limit: 5, periodSeconds: 30 * MINUTE },
  password_change: { by: 'given', limit: 10, periodSeconds: 10 * MINUTE },
  streaming_ip: { by: 'given', limit: 1500, periodSeconds: 5 * MINUTE },
  streaming_user: { by: 'given', limit: 300, periodSeconds: 5 * MINUTE },
  statuses: { by: 'user', limit: 300, periodSeconds: 3 * HOUR, successOnly: true },
  follows: { by: 'user', limit: 400, periodSeconds: DAY, successOnly: true },
  reports: { by: 'user', limit: 400, periodSeconds: DAY, successOnly: true },
} as const satisfies Record<string, ThrottleRule>

export type ThrottleName = keyof typeof THROTTLES

export const THROTTLE_NAMES = Object.keys(THROTTLES) as ThrottleName[] // keys of a literal

/** The figures in force. `enforced` false counts nothing and refuses nothing: for test servers. */
export interface RateLimitSettings {
  enforced: boolean
  /** Replaces single figures of the table. */
  changed?: Partial<Record<ThrottleName, Throttle>>
}

export function ruleOf(name: ThrottleName): ThrottleRule {
  return THROTTLES[name]
}

export function throttleOf(settings: RateLimitSettings, name: ThrottleName): Throttle {
  return settings.changed?.[name] ?? THROTTLES[name]
}
