/** Making an account, whether a person filled in the form or an app asked: the same rules, the same words. */
import { REASON_MAX_CHARACTERS, validationError } from '../../accounts/contract.ts'
import type { AccountRecord, Accounts, SignUp } from '../../accounts/contract.ts'
import type { ErrorDetails } from '../../kit/errors.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { PageSettings } from '../pages/page-settings.ts'
import type { Params } from '../params.ts'

/** Sends the message with the link that confirms an address; undefined where no mail is set up. */
export type SendConfirmation = ((to: { account: AccountId; email: string }) => Promise<void>) | undefined

export interface RegistrationDeps {
  accounts: Accounts
  settings: PageSettings
  /** Without it accounts are confirmed at once. */
  sendConfirmation: SendConfirmation
}

export interface RegistrationForm {
  username: string
  email: string
  password: string
  /** Undefined: the form has no second field. */
  passwordConfirmation: string | undefined
  agreement: boolean
  locale: string
  reason: string
  /** Undefined: not asked. */
  indexable: boolean | undefined
}

const LOCALE = /^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}$/

/** Throws `invalid` with every fault by field. The caller has made sure that registrations are not closed. */
export async function register(deps: RegistrationDeps, form: RegistrationForm): Promise<AccountRecord> {
  const { accounts, settings, sendConfirmation } = deps
  const request: SignUp = {
    username: form.username.trim(),
    email: form.email,
    password: form.password,
    locale: LOCALE.test(form.locale) ? form.locale : 'en',
    reason: form.reason.trim(),
    role: 'user',
    confirmed: sendConfirmation === undefined,
    approved: settings.registrations === 'open',
    indexable: form.indexable ?? settings.indexableByDefault,
  }
  const details = { ...(await accounts.signUpFaults(request)), ...formFaults(form) }
  if (Object.keys(details).length > 0) throw validationError(details)
  const account = await accounts.signUp(request)
  await sendConfirmation?.({ account: account.id, email: request.email })
  return account
}

/** Faults of what only the form has. */
function formFaults(form: Omit<RegistrationForm, 'locale' | 'indexable'>): ErrorDetails {
  const details: ErrorDetails = {}
  if (!form.agreement) details['agreement'] = [{ error: 'ERR_ACCEPTED', description: 'must be accepted' }]
  if ([...form.reason].length > REASON_MAX_CHARACTERS) {
    details['reason'] = [
      { error: 'ERR_TOO_LONG', description: `is too long (maximum is ${REASON_MAX_CHARACTERS} characters)` },
    ]
  }
  return { ...details, ...confirmationFaults(form.password, form.passwordConfirmation) }
}

export function confirmationFaults(password: string, confirmation: string | undefined): ErrorDetails {
  if (confirmation === undefined || confirmation === password) return {}
  return { password_confirmation: [{ error: 'ERR_INVALID', description: "doesn't match the password" }] }
}

/** The fields of a form in Mastodon's names; blanks for what is missing, so that the rules find it. */
export function readForm(
  params: Params,
): RegistrationForm & { typed: { username: string; email: string; reason: string } } {
  const user = params.nested('user')
  const account = user.nested('account_attributes')
  const username = account.text('username', { max: 200 }) ?? ''
  const email = user.text('email', { max: 400 }) ?? ''
  const reason = user.nested('invite_request_attributes').text('text', { max: 5_000 }) ?? ''
  return {
    username,
    email,
    password: user.text('password', { max: 1_000 }) ?? '',
    passwordConfirmation: user.text('password_confirmation', { max: 1_000 }),
    agreement: user.bool('agreement') === true,
    locale: user.text('locale') ?? 'en',
    reason,
    indexable: account.bool('indexable'),
    typed: { username, email, reason },
  }
}
