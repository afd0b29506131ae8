/** Everything a person does to get in, in one call for whoever wires the server: pages, OAuth, apps, sign-up. */
import type { AccountsBlock } from '../../accounts/contract.ts'
import type { Hydration } from '../../hydration/contract.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Site } from '../../mastodon/site.ts'
import { PageRouter } from '../pages/page-router.ts'
import type { PageSettings } from '../pages/page-settings.ts'
import type { SetupLink } from '../pages/setup-link.ts'
import { Visits } from '../pages/visits.ts'
import type { Edge } from '../routing.ts'
import { registerAppRoutes } from './apps.ts'
import { People } from './credentials-people.ts'
import { registerSessionPages } from './credentials-session.ts'
import { registerSettingsPages } from './credentials-settings.ts'
import { registerAuthorizeRoutes } from './oauth-authorize.ts'
import { registerOAuthMetadataRoute } from './oauth-metadata.ts'
import { registerTokenRoutes } from './oauth-token.ts'
import { registerSignUpApi } from './sign-up-api.ts'
import { registerFrontRoutes } from './sign-up-front.ts'
import { registerSignUpPages, signUp } from './sign-up-pages.ts'
import type { SendConfirmation } from './sign-up-request.ts'

export interface AccessDeps {
  block: Pick<AccountsBlock, 'accounts' | 'oauth' | 'sessions'>
  hydration: Pick<Hydration, 'accounts'>
  site: Site
  settings: PageSettings
  clock: Clock
  /** Undefined where an owner exists, or another process printed the link. */
  setupLink: SetupLink | undefined
  sendConfirmation: SendConfirmation
  vapidPublicKey: string
}

export function registerAccessRoutes(edge: Edge, deps: AccessDeps): void {
  const { accounts, oauth, sessions } = deps.block
  const { settings, site, hydration, sendConfirmation } = deps
  const { base } = site.urls
  const visits = new Visits({ sessions, base })
  const pages = new PageRouter(edge, visits, settings)
  const people = new People(accounts)
  const signUpDeps = { ...deps, accounts, visits, people }
  registerFrontRoutes(edge, pages, { accounts, people, settings })
  registerSignUpPages(pages, signUpDeps)
  registerSignUpApi(edge, { accounts, oauth, settings, sendConfirmation })
  registerSessionPages(pages, { accounts, people, visits, settings })
  registerSettingsPages(pages, { accounts, oauth, sessions, people, visits, settings }, (visit) =>
    signUp(visit, signUpDeps),
  )
  registerAppRoutes(edge, { oauth, vapidPublicKey: deps.vapidPublicKey })
  registerAuthorizeRoutes(pages, { oauth, people, visits, settings, base })
  registerTokenRoutes(edge, { oauth, hydration, site })
  registerOAuthMetadataRoute(edge, site.urls)
}
