/** What a username, an e-mail address and a password may look like; faults are Mastodon's codes with texts for people. */
import { AppError } from '../kit/errors.ts'
import type { ErrorDetails } from '../kit/errors.ts'
import { isCommonPassword } from './common-passwords.ts'

export const USERNAME_MAX_CHARACTERS = 30
const EMAIL_MAX_CHARACTERS = 320
export const PASSWORD_MIN_CHARACTERS = 8
export const PASSWORD_MAX_CHARACTERS = 128
export const REASON_MAX_CHARACTERS = 500

export interface Fault {
  error: string
  description: string
}

/** Names that look like the operator's. */
const RESERVED_USERNAMES = new Set(
  (
    'abuse account accounts admin administrator contact dunlin everyone help helpdesk hostmaster info instance mod ' +
    'moderation moderator null official owner postmaster root security staff superuser support sysadmin system ' +
    'undefined webmaster'
  ).split(' '),
)

/** RFC 5322's dot-atom without `%`, which some mailers route by; `,` and `"` are not in it either. */
const EMAIL_LOCAL_PART = /^[A-Za-z0-9!#$&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$&'*+/=?^_`{|}~-]+)*$/
const EMAIL_LOCAL_PART_MAX_CHARACTERS = 64
/** Labels and an optional port: `localhost:3000` is a server's name here. */
const EMAIL_DOMAIN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*(?::\d{1,5})?$/i

/** Faults by field, thrown together. */
export class Faults {
  readonly #details: ErrorDetails = {}

  add(field: string, fault: Fault | undefined): void {
    if (fault === undefined) return
    const faults = (this.#details[field] ??= [])
    faults.push(fault)
  }

  get details(): ErrorDetails {
    return this.#details
  }

  /** Throws `invalid` with Mastodon's text and details when anything was added. */
  throwIfAny(): void {
    if (Object.keys(this.#details).length > 0) throw validationError(this.#details)
  }
}

/** `Validation failed: Username has already been taken, Email is invalid`, with the details by field. */
export function validationError(details: ErrorDetails): AppError {
  const texts = Object.entries(details).flatMap(([field, faults]) =>
    faults.map(({ description }) => `${label(field)} ${description}`),
  )
  return new AppError('invalid', `Validation failed: ${texts.join(', ')}`, { details })
}

/** A single fault as the error to throw. */
export function faultError(field: string, fault: Fault): AppError {
  return validationError({ [field]: [fault] })
}

export const TAKEN: Fault = { error: 'ERR_TAKEN', description: 'has already been taken' }
export const BLANK: Fault = { error: 'ERR_BLANK', description: "can't be blank" }
export const INVALID: Fault = { error: 'ERR_INVALID', description: 'is invalid' }

export function tooLong(limit: number): Fault {
  return { error: 'ERR_TOO_LONG', description: `is too long (maximum is ${limit} characters)` }
}

export function usernameFault(username: string, mayBeReserved: boolean): Fault | undefined {
  if (username === '') return BLANK
  if (!/^[a-z0-9_]+$/i.test(username)) {
    return { error: 'ERR_INVALID', description: 'must contain only letters, numbers and underscores' }
  }
  if (username.length > USERNAME_MAX_CHARACTERS) return tooLong(USERNAME_MAX_CHARACTERS)
  if (!mayBeReserved && RESERVED_USERNAMES.has(username.toLowerCase())) {
    return { error: 'ERR_RESERVED', description: 'is reserved' }
  }
  return undefined
}

/** `email` as `normaliseEmail` gives it. */
export function emailFault(email: string): Fault | undefined {
  if (email === '') return BLANK
  if (email.length > EMAIL_MAX_CHARACTERS) return tooLong(EMAIL_MAX_CHARACTERS)
  const at = email.lastIndexOf('@')
  const localPart = email.slice(0, Math.max(at, 0))
  const isWellFormed =
    localPart.length <= EMAIL_LOCAL_PART_MAX_CHARACTERS &&
    EMAIL_LOCAL_PART.test(localPart) &&
    EMAIL_DOMAIN.test(email.slice(at + 1))
  return isWellFormed ? undefined : INVALID
}

/** Without surrounding space, the domain in lower case; the local part keeps its case. */
export function normaliseEmail(email: string): string {
  const trimmed = email.trim()
  const at = trimmed.lastIndexOf('@')
  return at < 0 ? trimmed : trimmed.slice(0, at) + trimmed.slice(at).toLowerCase()
}

export interface PasswordOwner {
  username: string
  email: string
}

/** Length counts characters, not bytes; nothing is cut off. */
export function passwordFault(password: string, owner: PasswordOwner, refuseCommon: boolean): Fault | undefined {
  if (password === '') return BLANK
  const characters = [...password].length
  if (characters < PASSWORD_MIN_CHARACTERS) {
    return { error: 'ERR_TOO_SHORT', description: `is too short (minimum is ${PASSWORD_MIN_CHARACTERS} characters)` }
  }
  if (characters > PASSWORD_MAX_CHARACTERS) return tooLong(PASSWORD_MAX_CHARACTERS)
  if (!refuseCommon) return undefined
  const lower = password.toLowerCase()
  if (lower === owner.username.toLowerCase() || lower === owner.email.toLowerCase()) {
    return { error: 'ERR_INVALID', description: 'must not be your username or e-mail address' }
  }
  if (isCommonPassword(password)) {
    return { error: 'ERR_INVALID', description: 'is one of those that are guessed first, please choose another' }
  }
  return undefined
}

function label(field: string): string {
  const words = field.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
