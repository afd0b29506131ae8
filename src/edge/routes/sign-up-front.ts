/** The front page, and the files that pages are made of. */
import type { Accounts } from '../../accounts/contract.ts'
import { frontPage } from '../pages/front-page.ts'
import type { PageRouter } from '../pages/page-router.ts'
import type { PageSettings } from '../pages/page-settings.ts'
import { PAGE_ICON, STYLESHEET } from '../pages/stylesheet.ts'
import type { Edge } from '../routing.ts'
import type { People } from './credentials-people.ts'

export interface FrontDeps {
  accounts: Accounts
  people: People
  settings: PageSettings
}

export function registerFrontRoutes(edge: Edge, pages: PageRouter, { accounts, people, settings }: FrontDeps): void {
  pages.page('/', async (visit) => {
    const person = await people.signedIn(visit)
    // Somebody signed in is proof enough that the server is set up.
    const isFresh = person === undefined && !(await accounts.hasOwner())
    return { page: frontPage({ settings, csrfToken: visit.csrfToken, username: person?.account.username, isFresh }) }
  })
  for (const asset of [STYLESHEET, PAGE_ICON]) {
    edge.route({
      method: 'GET',
      path: asset.path,
      auth: 'public',
      answers: 'other',
      handler: (call) => {
        call.setHeader('content-type', asset.type)
        call.setHeader('cache-control', 'public, max-age=31536000, immutable')
        return asset.text
      },
    })
  }
}
