import { validationError } from '../../accounts/contract.ts'
/** Pages that make accounts: sign-up, the owner's one-time set-up, and the link that confirms an e-mail address. */
import type { Clock } from '../../kit/clock.ts'
import { AppError } from '../../kit/errors.ts'
import { messagePage } from '../pages/message-page.ts'
import { formStatus } from '../pages/page-router.ts'
import type { PageAnswer, PageCall, PageRouter } from '../pages/page-router.ts'
import type { PageSettings } from '../pages/page-settings.ts'
import { opensSetup } from '../pages/setup-link.ts'
import type { SetupLink } from '../pages/setup-link.ts'
import { setupPage, signUpPage } from '../pages/sign-up-page.ts'
import type { SignUpModel } from '../pages/sign-up-page.ts'
import type { Visits } from '../pages/visits.ts'
import type { People } from './credentials-people.ts'
import { confirmationFaults, readForm, register } from './sign-up-request.ts'
import type { RegistrationDeps } from './sign-up-request.ts'

export interface SignUpDeps extends RegistrationDeps {
  visits: Visits
  people: People
  clock: Clock
  /** Undefined where none was made at the start. */
  setupLink: SetupLink | undefined
}

const TO_SIGN_IN = { href: '/auth/sign_in', text: 'Sign in' }
const TO_FRONT = { href: '/', text: 'To the front page' }

/** The POST of the sign-up form goes to `/auth`, as in Mastodon; `credentials-settings.ts` shares that path. */
export function registerSignUpPages(pages: PageRouter, deps: SignUpDeps): void {
  pages.page('/auth/sign_up', async (visit) => {
    if ((await deps.people.signedIn(visit)) !== undefined) return { to: '/' }
    if (deps.settings.registrations === 'closed') return closed(deps.settings)
    return { page: signUpPage(blankModel(visit, deps)) }
  })
  pages.page('/setup', async (visit) => {
    const refusal = await setupRefusal(visit, deps)
    if (refusal !== undefined) return refusal
    return { page: setupPage({ ...blankModel(visit, deps), token: setupToken(visit) }) }
  })
  pages.form('/setup', { post: (visit) => setUp(visit, deps) }, ['sign_up_form'])
  pages.page('/auth/confirmation', (visit) => confirm(visit, deps), ['confirmation_ip'])
}

/** What the sign-up form asks for. */
export async function signUp(visit: PageCall, deps: SignUpDeps): Promise<PageAnswer> {
  const { settings, visits } = deps
  if (settings.registrations === 'closed') return closed(settings)
  const form = readForm(visit.call.params)
  try {
    const account = await register(deps, form)
    const user = await deps.accounts.user(account.id)
    const obstacle = user && (await deps.people.obstacle(user))
    if (obstacle !== undefined) return waiting(settings, obstacle)
    await visits.signIn(visit.call, account.id)
    return { to: visits.takeReturn(visit.call), status: 303 }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const input = { ...form.typed, indexable: form.indexable ?? settings.indexableByDefault }
    const page = signUpPage({ ...blankModel(visit, deps), input, details: error.details, alert: summary(error) })
    return { page, status: formStatus(error) }
  }
}

async function setUp(visit: PageCall, deps: SignUpDeps): Promise<PageAnswer> {
  const refusal = await setupRefusal(visit, deps)
  if (refusal !== undefined) return refusal
  const form = readForm(visit.call.params)
  try {
    const faults = confirmationFaults(form.password, form.passwordConfirmation)
    if (Object.keys(faults).length > 0) throw validationError(faults)
    const { email, password, locale } = form
    const owner = await deps.accounts.createOwner({ username: form.username.trim(), email, password, locale })
    await deps.visits.signIn(visit.call, owner.id)
    return { to: '/', status: 303 }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.code === 'conflict') return alreadySetUp(deps.settings)
    const input = { ...form.typed, indexable: false }
    const model = { ...blankModel(visit, deps), input, details: error.details, alert: summary(error) }
    return { page: setupPage({ ...model, token: setupToken(visit) }), status: formStatus(error) }
  }
}

/** The store decides whether there is an owner; the link only opens the door while there is none. */
async function setupRefusal(visit: PageCall, deps: SignUpDeps): Promise<PageAnswer | undefined> {
  if (await deps.accounts.hasOwner()) return alreadySetUp(deps.settings)
  if (opensSetup(deps.setupLink, setupToken(visit), deps.clock.nowMs())) return undefined
  const page = messagePage(deps.settings, {
    heading: 'This link does not work',
    paragraphs: [
      'The set-up link is wrong, or older than 15 minutes.',
      'Start the server again: it prints a new one as long as there is no owner.',
    ],
  })
  return { page, status: 403 }
}

function setupToken({ call }: PageCall): string {
  return call.params.text('token', { max: 200 }) ?? ''
}

async function confirm({ call }: PageCall, { accounts, settings }: SignUpDeps): Promise<PageAnswer> {
  const id = await accounts.confirmBy(call.params.text('confirmation_token', { max: 200 }) ?? '')
  if (id !== undefined) {
    const paragraphs = ['Your e-mail address is confirmed.']
    return { page: messagePage(settings, { heading: 'Thank you', paragraphs, links: [TO_SIGN_IN] }) }
  }
  const page = messagePage(settings, {
    heading: 'This link does not work',
    paragraphs: ['The link is wrong, or too old. Ask for a new one, or the people who run this server for help.'],
    links: [TO_FRONT],
  })
  return { page, status: 404 }
}

function blankModel({ csrfToken }: PageCall, { settings, sendConfirmation }: SignUpDeps): SignUpModel {
  const input = { username: '', email: '', reason: '', indexable: settings.indexableByDefault }
  return { settings, csrfToken, input, confirmsByMail: sendConfirmation !== undefined }
}

function summary(error: AppError): string {
  return error.details === undefined ? error.message : 'Please look at the marked fields.'
}

function closed(settings: PageSettings): PageAnswer {
  const page = messagePage(settings, {
    heading: 'Registrations are closed',
    paragraphs: ['This server takes no new accounts at the moment. The people who run it can make one for you.'],
    links: [TO_SIGN_IN, TO_FRONT],
  })
  return { page, status: 403 }
}

function waiting(settings: PageSettings, obstacle: string): PageAnswer {
  return { page: messagePage(settings, { heading: 'Almost there', paragraphs: [obstacle], links: [TO_FRONT] }) }
}

function alreadySetUp(settings: PageSettings): PageAnswer {
  const page = messagePage(settings, {
    heading: 'The server is set up',
    paragraphs: ['It has an owner, so the set-up link has done its work.'],
    links: [TO_SIGN_IN],
  })
  return { page, status: 403 }
}
