/** A person's access: password, sessions, apps; and the way back in for those who forgot the password. */
import type { Accounts, OAuth, Sessions } from '../../accounts/contract.ts'
import { validationError } from '../../accounts/contract.ts'
import type { ErrorDetails } from '../../kit/errors.ts'
import { AppError } from '../../kit/errors.ts'
import { parseId } from '../../snowflake/contract.ts'
import { messagePage } from '../pages/message-page.ts'
import { formStatus } from '../pages/page-router.ts'
import type { PageAnswer, PageCall, PageHandler, PageRouter } from '../pages/page-router.ts'
import type { PageSettings } from '../pages/page-settings.ts'
import { newPasswordPage, settingsPage } from '../pages/settings-page.ts'
import type { Visits } from '../pages/visits.ts'
import type { People, Person } from './credentials-people.ts'
import { confirmationFaults } from './sign-up-request.ts'

export interface SettingsDeps {
  accounts: Accounts
  oauth: OAuth
  sessions: Sessions
  people: People
  visits: Visits
  settings: PageSettings
}

const SETTINGS_PATH = '/auth/edit'

/** `signUp` handles the POST to `/auth`, which Mastodon's sign-up form shares with the change of a password (PUT). */
export function registerSettingsPages(pages: PageRouter, deps: SettingsDeps, signUp: PageHandler): void {
  pages.page(SETTINGS_PATH, async (visit) => {
    const person = await deps.people.signedIn(visit)
    return person === undefined ? toSignIn(visit, deps) : await showSettings(visit, deps, person, {})
  })
  pages.page('/oauth/authorized_applications', () => ({ to: SETTINGS_PATH }))
  pages.page('/.well-known/change-password', () => ({ to: SETTINGS_PATH }))
  pages.form('/auth', { post: signUp, put: (visit) => changePassword(visit, deps) }, ['sign_up_form'])
  pages.form('/settings/sessions/:id', {
    delete: (visit) => remove(visit, deps, (person, id) => deps.sessions.closeById(person.account.id, id)),
  })
  pages.form('/oauth/authorized_applications/:id', {
    delete: (visit) => remove(visit, deps, (person, id) => deps.oauth.revokeAppTokens(person.account.id, id)),
  })
  registerPasswordReset(pages, deps)
}

function registerPasswordReset(pages: PageRouter, deps: SettingsDeps): void {
  pages.page('/auth/password/new', () => ({ page: forgottenPage(deps.settings) }))
  pages.page(
    '/auth/password/edit',
    async ({ call, csrfToken }) => {
      const token = call.params.text('reset_password_token', { max: 200 }) ?? ''
      if ((await deps.accounts.passwordResetFor(token)) === undefined) return deadLink(deps.settings)
      return { page: newPasswordPage({ settings: deps.settings, csrfToken, token }) }
    },
    ['password_reset_ip'],
  )
  pages.form('/auth/password', { put: (visit) => resetPassword(visit, deps) }, ['password_reset_ip'])
}

interface Shown {
  note?: string
  alert?: string
  details?: ErrorDetails | undefined
}

async function showSettings(visit: PageCall, deps: SettingsDeps, person: Person, shown: Shown): Promise<PageAnswer> {
  const { account, user } = person
  const page = settingsPage({
    settings: deps.settings,
    csrfToken: visit.csrfToken,
    username: account.username,
    email: user.email,
    sessions: await deps.sessions.list(account.id),
    currentSession: visit.session?.id ?? 0n,
    apps: await deps.oauth.authorizedApps(account.id),
    ...shown,
  })
  return { page, status: shown.alert === undefined ? 200 : 422 }
}

async function changePassword(visit: PageCall, deps: SettingsDeps): Promise<PageAnswer> {
  const { accounts, people, visits } = deps
  const person = await people.signedIn(visit)
  if (person === undefined) return toSignIn(visit, deps)
  const fields = visit.call.params.nested('user')
  const password = fields.text('password', { max: 1_000 }) ?? ''
  try {
    visit.call.throttle('password_change', person.account.id.toString())
    const proof = await accounts.verifyPassword(
      person.user.email,
      fields.text('current_password', { max: 1_000 }) ?? '',
    )
    if (proof === undefined) throw validationError({ current_password: [WRONG_PASSWORD] })
    checkConfirmation(password, fields.text('password_confirmation', { max: 1_000 }))
    await accounts.resetPassword(person.account.id, password)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return await showSettings(visit, deps, person, { alert: summary(error), details: error.details })
  }
  // Every session ended, this one too; the person who knew both passwords goes on with a new one.
  await visits.signIn(visit.call, person.account.id)
  return { to: SETTINGS_PATH, status: 303 }
}

const WRONG_PASSWORD = { error: 'ERR_INVALID', description: 'is wrong' }

async function resetPassword({ call, csrfToken }: PageCall, deps: SettingsDeps): Promise<PageAnswer> {
  const fields = call.params.nested('user')
  const token = fields.text('reset_password_token', { max: 200 }) ?? ''
  const password = fields.text('password', { max: 1_000 }) ?? ''
  try {
    checkConfirmation(password, fields.text('password_confirmation', { max: 1_000 }))
    const id = await deps.accounts.resetPasswordBy(token, password)
    if (id === undefined) return deadLink(deps.settings)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const model = { settings: deps.settings, csrfToken, token, alert: summary(error), details: error.details }
    return { page: newPasswordPage(model), status: formStatus(error) }
  }
  const page = messagePage(deps.settings, {
    heading: 'Your password is changed',
    paragraphs: ['You are signed out everywhere, in apps too.'],
    links: [{ href: '/auth/sign_in', text: 'Sign in' }],
  })
  return { page }
}

/** A foreign or unknown id changes nothing and says nothing. */
async function remove(
  visit: PageCall,
  deps: SettingsDeps,
  act: (person: Person, id: bigint) => Promise<boolean>,
): Promise<PageAnswer> {
  const person = await deps.people.signedIn(visit)
  if (person === undefined) return toSignIn(visit, deps)
  const id = parseId<bigint>(visit.call.params.text('id'))
  if (id !== undefined) await act(person, id)
  return { to: SETTINGS_PATH, status: 303 }
}

function checkConfirmation(password: string, confirmation: string | undefined): void {
  const faults = confirmationFaults(password, confirmation)
  if (Object.keys(faults).length > 0) throw validationError(faults)
}

function summary(error: AppError): string {
  if (error.code === 'too_many') return 'Too many tries. Wait a while, then try again.'
  return error.details === undefined ? error.message : 'Please look at the marked fields.'
}

function toSignIn({ call }: PageCall, { visits }: SettingsDeps): PageAnswer {
  visits.rememberReturn(call, SETTINGS_PATH)
  return { to: '/auth/sign_in', status: 303 }
}

function forgottenPage(settings: PageSettings) {
  const contact = settings.contactEmail === null ? '' : ` Write to ${settings.contactEmail}.`
  return messagePage(settings, {
    heading: 'Forgotten password',
    paragraphs: [
      `The people who run this server can help you back in: with a link, or with a new password.${contact}`,
      'If that is you: dunlin accounts reset-password NAME',
    ],
    links: [{ href: '/auth/sign_in', text: 'Back' }],
  })
}

function deadLink(settings: PageSettings): PageAnswer {
  const page = messagePage(settings, {
    heading: 'This link does not work',
    paragraphs: ['The link is wrong, used, or older than a day. Ask for a new one.'],
    links: [{ href: '/auth/password/new', text: 'Forgotten password' }],
  })
  return { page, status: 404 }
}
