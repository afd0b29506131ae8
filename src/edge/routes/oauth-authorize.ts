/** The page on which a person lets an app in, or does not. */
import type { OAuth } from '../../accounts/contract.ts'
import { consentPage, redirectSource } from '../pages/consent-page.ts'
import { formPostPage } from '../pages/form-post-page.ts'
import { messagePage, nativeCodePage } from '../pages/message-page.ts'
import type { PageAnswer, PageCall, PageRouter } from '../pages/page-router.ts'
import type { PageSettings } from '../pages/page-settings.ts'
import type { Visits } from '../pages/visits.ts'
import type { People, Person } from './credentials-people.ts'
import { describe } from './oauth-errors.ts'
import { carriedParameters, checkRequest, isOutOfBand, readReplyAddress, replyUrl } from './oauth-request.ts'
import type { ReplyAddress } from './oauth-request.ts'
import { issuer } from './oauth-token.ts'

export interface AuthorizeDeps {
  oauth: OAuth
  people: People
  visits: Visits
  settings: PageSettings
  base: string
}

const NATIVE_PATH = '/oauth/authorize/native'

export function registerAuthorizeRoutes(pages: PageRouter, deps: AuthorizeDeps): void {
  pages.page('/oauth/authorize', (visit) => ask(visit, deps))
  pages.form('/oauth/authorize', {
    post: (visit) => allow(visit, deps),
    delete: (visit) => deny(visit, deps),
  })
  pages.page(NATIVE_PATH, async (visit) => {
    if ((await deps.people.signedIn(visit)) === undefined) return toSignIn(visit, deps)
    return { page: nativeCodePage(deps.settings, visit.call.params.requireText('code', { max: 200 })) }
  })
}

async function ask(visit: PageCall, deps: AuthorizeDeps): Promise<PageAnswer> {
  const { params } = visit.call
  const address = await readReplyAddress(params, deps.oauth)
  const person = await deps.people.signedIn(visit)
  // Nobody is redirected to an app's address before signing in, or the server would be anybody's open redirect.
  if (person === undefined || params.bool('force_login') === true) return toSignIn(visit, deps)
  const checked = checkRequest(params, address, deps.settings.requirePkce)
  if ('fault' in checked) return tellFault(deps, address, checked.fault)
  const { app, scopes, redirectUri } = checked.request
  const page = consentPage({
    settings: deps.settings,
    csrfToken: visit.csrfToken,
    app,
    username: person.account.username,
    redirectUri,
    scopes,
    request: carriedParameters(params),
  })
  return { page, formAction: redirectSource(redirectUri) }
}

async function allow(visit: PageCall, deps: AuthorizeDeps): Promise<PageAnswer> {
  const { params } = visit.call
  const address = await readReplyAddress(params, deps.oauth)
  const person = await deps.people.signedIn(visit)
  if (person === undefined) return toSignIn(visit, deps)
  const checked = checkRequest(params, address, deps.settings.requirePkce)
  if ('fault' in checked) return tellFault(deps, address, checked.fault)
  const code = await issueCode(deps, person, checked.request)
  if (isOutOfBand(address)) return { to: `${NATIVE_PATH}?code=${code}` }
  return reply(deps, address, { code })
}

async function deny(visit: PageCall, deps: AuthorizeDeps): Promise<PageAnswer> {
  const address = await readReplyAddress(visit.call.params, deps.oauth)
  return tellFault(deps, address, { error: 'access_denied', description: describe('access_denied') })
}

async function issueCode(
  { oauth }: AuthorizeDeps,
  person: Person,
  request: ReplyAddress & { scopes: string[]; codeChallenge: string | null },
): Promise<string> {
  const { app, redirectUri, scopes, codeChallenge } = request
  return await oauth.issueCode({ appId: app.id, accountId: person.account.id, redirectUri, scopes, codeChallenge })
}

function tellFault(
  deps: AuthorizeDeps,
  address: ReplyAddress,
  fault: { error: string; description: string },
): PageAnswer {
  if (!isOutOfBand(address)) {
    return reply(deps, address, { error: fault.error, error_description: fault.description })
  }
  // There is nowhere to send the answer: the person has to read it.
  const isDenied = fault.error === 'access_denied'
  const said = isDenied ? ['You did not let the app in. You can close this page.'] : [fault.description]
  const heading = isDenied ? 'Denied' : 'The app asked wrongly'
  const page = messagePage(deps.settings, { heading, paragraphs: said })
  return { page, status: isDenied ? 200 : 400 }
}

/** With `iss`, so that a client of several servers knows whose answer it is (RFC 9207). */
function reply({ base, settings }: AuthorizeDeps, address: ReplyAddress, answer: Record<string, string>): PageAnswer {
  const state = address.state === undefined ? {} : { state: address.state }
  const parameters = { ...answer, ...state, iss: issuer({ base }) }
  if (address.mode !== 'form_post') return { to: replyUrl(address, parameters) }
  const page = formPostPage(settings, address.app.name, address.redirectUri, parameters)
  return { page, formAction: redirectSource(address.redirectUri) }
}

/** Back to the same request afterwards, without the wish to sign in anew, which has been met then. */
function toSignIn({ call }: PageCall, { visits }: AuthorizeDeps): PageAnswer {
  const [path = '/oauth/authorize'] = (call.request.raw.url ?? '').split('?', 1)
  const query = new URLSearchParams(carriedParameters(call.params))
  const code = path.startsWith(NATIVE_PATH) ? call.params.text('code') : undefined
  if (code !== undefined) query.set('code', code)
  visits.rememberReturn(call, `${path}?${query.toString()}`)
  return { to: '/auth/sign_in' }
}
