/**
 * A browser between two pages: its session, its proof against forged forms, and where it was going when it had to sign in.
 *
 * Forged forms (CSRF): each form carries HMAC(secret, "form"), where the secret is the session's, or, before anybody
 * signed in, that of a cookie which scripts cannot read. A foreign page knows neither; besides, `Origin` and
 * `Sec-Fetch-Site` are believed when a browser sends them, and the cookies are SameSite=Lax.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

import type { CookieSerializeOptions } from '@fastify/cookie'

import { SESSION_LIFE_MS } from '../../accounts/contract.ts'
import type { Session, Sessions } from '../../accounts/contract.ts'
import { AppError } from '../../kit/errors.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { Call } from '../call.ts'
import { localPath } from './local-path.ts'

const GUEST_SECRET = /^[A-Za-z0-9_-]{43}$/
/** Seconds that an interrupted request waits for the sign-in. */
const RETURN_SECONDS = 30 * 60
/** A cookie has 4,096 bytes with its name, and escaping makes the address longer. */
const RETURN_MAX_CHARACTERS = 3_500

export interface Visit {
  session: Session | undefined
  /** For the forms of the page. */
  csrfToken: string
}

export interface VisitsDeps {
  sessions: Sessions
  /** `https://example.org`: with https the cookies are Secure and bound to the host by their names. */
  base: string
}

export class Visits {
  readonly #sessions: Sessions
  readonly #ownHost: string
  readonly #isSecure: boolean

  constructor({ sessions, base }: VisitsDeps) {
    this.#sessions = sessions
    this.#ownHost = new URL(base).host
    this.#isSecure = base.startsWith('https:')
  }

  async read(call: Call): Promise<Visit> {
    const cookie = this.#cookie(call, 'session')
    const session = cookie === undefined ? undefined : await this.#sessions.find(cookie)
    return { session, csrfToken: formToken(session?.csrfSecret ?? this.#guestSecret(call)) }
  }

  /** Throws `invalid` unless the form came from a page of this visit. */
  checkForm(call: Call, visit: Visit): void {
    const token = call.params.text('authenticity_token') ?? ''
    if (isSame(token, visit.csrfToken) && this.#isOwnOrigin(call)) return
    throw new AppError(
      'invalid',
      'This form is out of date, or came from another site: go back, reload it and try again',
    )
  }

  /** A new session, with a new cookie: whoever knew the old one knows nothing of this. */
  async signIn(call: Call, accountId: AccountId): Promise<void> {
    const previous = this.#cookie(call, 'session')
    if (previous !== undefined) await this.#sessions.close(previous)
    const cookie = await this.#sessions.open(accountId, call.header('user-agent') ?? '')
    this.#setCookie(call, 'session', cookie, { maxAge: SESSION_LIFE_MS / 1000 })
  }

  async signOut(call: Call): Promise<void> {
    const cookie = this.#cookie(call, 'session')
    if (cookie !== undefined) await this.#sessions.close(cookie)
    this.#setCookie(call, 'session', '', { maxAge: 0 })
    this.#setCookie(call, 'return', '', { maxAge: 0 })
  }

  /** Keeps a path of ours for after the sign-in. Throws `bad_request` when it is too long to be kept. */
  rememberReturn(call: Call, path: string): void {
    if (encodeURIComponent(path).length > RETURN_MAX_CHARACTERS) {
      throw new AppError('bad_request', 'The request of the app is too long')
    }
    this.#setCookie(call, 'return', path, { maxAge: RETURN_SECONDS })
  }

  /** Where to go after the sign-in, once. A path of ours, whatever the cookie says. */
  takeReturn(call: Call): string {
    const path = localPath(this.#cookie(call, 'return'))
    if (path === undefined) return '/'
    this.#setCookie(call, 'return', '', { maxAge: 0 })
    return path
  }

  #guestSecret(call: Call): string {
    const known = this.#cookie(call, 'guest')
    if (known !== undefined && GUEST_SECRET.test(known)) return known
    const secret = randomBytes(32).toString('base64url')
    this.#setCookie(call, 'guest', secret, {})
    return secret
  }

  /** Absent headers pass: the token decides alone for browsers without them, and for scripts. */
  #isOwnOrigin(call: Call): boolean {
    const site = call.header('sec-fetch-site')
    if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
    const origin = call.header('origin')
    if (origin === undefined) return true
    const host = URL.canParse(origin) ? new URL(origin).host : undefined
    return host !== undefined && (host === this.#ownHost || host === call.header('host')?.toLowerCase())
  }

  #cookie(call: Call, name: CookieName): string | undefined {
    return call.request.cookies[this.#nameOf(name)]
  }

  #setCookie(call: Call, name: CookieName, value: string, options: CookieSerializeOptions): void {
    const fixed: CookieSerializeOptions = { path: '/', httpOnly: true, sameSite: 'lax', secure: this.#isSecure }
    call.reply.setCookie(this.#nameOf(name), value, { ...fixed, ...options })
  }

  /** Browsers accept the prefix only with Secure, path `/` and no domain, so no sister site can set such a cookie. */
  #nameOf(name: CookieName): string {
    return `${this.#isSecure ? '__Host-' : ''}dunlin_${name}`
  }
}

type CookieName = 'session' | 'guest' | 'return'

function formToken(secret: string): string {
  return createHmac('sha256', secret).update('form').digest('base64url')
}

function isSame(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}
