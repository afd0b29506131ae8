/** Pages that links to people, posts and hashtags lead to, for readers without an account or an app. No script, nothing private. */
import type { Accounts } from '../../accounts/contract.ts'
import type { Hydration } from '../../hydration/contract.ts'
import { notFound } from '../../kit/errors.ts'
import type { InstanceSettings } from '../../mastodon/instance.ts'
import type { StatusId } from '../../snowflake/contract.ts'
import { parseHashtag } from '../../text/entities.ts'
import type { TimelineService } from '../../timeline-service/contract.ts'
import type { Call } from '../call.ts'
import type { Html } from '../pages/html.ts'
import { aboutPage, privacyPage, profilePage, statusPage, tagPage } from '../pages/profile-page.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import type { InstanceTexts } from './instance.ts'
import { memberNamed, type Users } from './members.ts'

export interface ProfilePageDeps {
  settings: Pick<InstanceSettings, 'title' | 'description' | 'rules' | 'contactEmail'>
  texts: InstanceTexts
  accounts: Pick<Accounts, 'byUsername'> & Users
  hydration: Pick<Hydration, 'accounts' | 'status'>
  timelines: Pick<TimelineService, 'account' | 'tag'>
  present: Presenting
}

const POSTS = 20

export function profilePageRoutes(edge: Edge, deps: ProfilePageDeps): void {
  const { settings, texts, present } = deps
  const rendered = (text: string): string => present.site.texts.render(text, [])
  publicPage(edge, deps, '/@:username', (call) => profileOf(deps, call))
  publicPage(edge, deps, '/@:username/:id', (call) => statusOf(deps, call))
  publicPage(edge, deps, '/tags/:tag', (call) => tagged(deps, call))
  publicPage(edge, deps, '/about', () =>
    aboutPage({ ...settings, extendedDescription: rendered(texts.extendedDescription) }),
  )
  publicPage(edge, deps, '/privacy-policy', () => privacyPage(settings.title, rendered(texts.privacyPolicy)))
  edge.route({
    method: 'GET',
    path: '/users/:username',
    auth: 'public',
    answers: 'other',
    handler: async (call) => {
      const account = await memberNamed(deps.accounts, call.params.text('username') ?? '')
      if (account === undefined) throw notFound()
      return call.redirect(`/@${account.username}`, 301)
    },
  })
}

function publicPage(
  edge: Edge,
  { present }: ProfilePageDeps,
  path: string,
  content: (call: Call) => Html | Promise<Html>,
): void {
  edge.route({
    method: 'GET',
    path,
    auth: 'public',
    cache: 'public',
    answers: 'other',
    handler: async (call) => {
      const page = await content(call)
      const media = new URL(present.site.urls.media('')).origin
      call.setHeader('content-type', 'text/html; charset=utf-8')
      call.setHeader(
        'content-security-policy',
        `default-src 'none'; style-src 'self'; img-src 'self' ${media}; base-uri 'none'; frame-ancestors 'none'; form-action 'none'`,
      )
      return page.toString()
    },
  })
}

async function profileOf(deps: ProfilePageDeps, { params }: Call): Promise<Html> {
  const account = await memberNamed(deps.accounts, params.text('username') ?? '')
  if (account === undefined || account.suspended) throw notFound()
  const [view] = await deps.hydration.accounts([account.id])
  if (view === undefined) throw notFound()
  const filter = { onlyMedia: false, excludeReplies: true, excludeBoosts: false, pinned: false, tagged: null }
  const { statuses } = await deps.timelines.account(undefined, account.id, { limit: POSTS }, filter)
  return profilePage(deps.settings.title, view, statuses, deps.present.site)
}

/** Only under its author's name, so that an address says whose post it is. */
async function statusOf(deps: ProfilePageDeps, { params }: Call): Promise<Html> {
  const view = await deps.hydration.status(params.id<StatusId>('id'), undefined)
  if (view.author.account.username.toLowerCase() !== params.text('username')?.toLowerCase()) throw notFound()
  return statusPage(deps.settings.title, view, deps.present.site)
}

async function tagged(deps: ProfilePageDeps, { params }: Call): Promise<Html> {
  const tag = parseHashtag(params.text('tag') ?? '')
  if (tag === undefined || tag === '') throw notFound()
  const query = { any: [tag], all: [], none: [], onlyMedia: false }
  const { statuses } = await deps.timelines.tag(undefined, query, { limit: POSTS })
  return tagPage(deps.settings.title, tag, statuses, deps.present.site)
}
