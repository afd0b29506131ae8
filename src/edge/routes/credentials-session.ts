/** Signing in and out on the pages. */
import type { Accounts } from '../../accounts/contract.ts'
import { AppError } from '../../kit/errors.ts'
import { formStatus } from '../pages/page-router.ts'
import type { PageAnswer, PageCall, PageRouter } from '../pages/page-router.ts'
import type { PageSettings } from '../pages/page-settings.ts'
import { signInPage, signOutPage } from '../pages/sign-in-page.ts'
import type { Visits } from '../pages/visits.ts'
import type { People } from './credentials-people.ts'

export interface SessionDeps {
  accounts: Accounts
  people: People
  visits: Visits
  settings: PageSettings
}

const WRONG = 'The e-mail address or the password is wrong.'

export function registerSessionPages(pages: PageRouter, deps: SessionDeps): void {
  const { settings, visits } = deps
  // Shown to people who are signed in as well: an app may ask for a fresh sign-in, or for another account.
  pages.page('/auth/sign_in', ({ csrfToken }) => ({ page: signInPage({ settings, csrfToken, email: '' }) }))
  pages.form('/auth/sign_in', { post: (visit) => signIn(visit, deps) }, ['login_ip'])
  pages.page('/auth/sign_out', ({ csrfToken, session }) =>
    session === undefined ? { to: '/' } : { page: signOutPage(settings, csrfToken) },
  )
  const signOut = async ({ call }: PageCall): Promise<PageAnswer> => {
    await visits.signOut(call)
    return { to: '/auth/sign_in', status: 303 }
  }
  pages.form('/auth/sign_out', { post: signOut, delete: signOut })
}

/** The same words, status and time whether the address is unknown or the password wrong. */
async function signIn(visit: PageCall, deps: SessionDeps): Promise<PageAnswer> {
  const { call, csrfToken } = visit
  const { accounts, people, settings, visits } = deps
  const fields = call.params.nested('user')
  const email = fields.text('email', { max: 400 }) ?? ''
  try {
    call.throttle('login_email', email)
    const user = await accounts.verifyPassword(email, fields.text('password', { max: 1_000 }) ?? '')
    if (user === undefined) throw new AppError('invalid', WRONG)
    const obstacle = await people.obstacle(user)
    if (obstacle !== undefined) throw new AppError('forbidden', obstacle)
    await visits.signIn(call, user.accountId)
    return { to: visits.takeReturn(call), status: 303 }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const alert = error.code === 'too_many' ? 'Too many tries. Wait a while, then try again.' : error.message
    return { page: signInPage({ settings, csrfToken, email, alert }), status: formStatus(error) }
  }
}
