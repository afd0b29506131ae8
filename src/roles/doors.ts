import { filterSource } from '../edge/filter-source.ts'
/** Opens the public door: the HTTP server with every route. */
import { errorPage } from '../edge/pages/message-page.ts'
import type { PageSettings } from '../edge/pages/page-settings.ts'
import type { SetupLink } from '../edge/pages/setup-link.ts'
import { Presenting } from '../edge/presenting.ts'
import { RateCounters } from '../edge/rate-counters.ts'
import { accountPeopleRoutes } from '../edge/routes/accounts-people.ts'
import { accountRoutes } from '../edge/routes/accounts.ts'
import { conversationRoutes } from '../edge/routes/conversations.ts'
import { registerCredentialRoutes } from '../edge/routes/credentials.ts'
import { debugRoutes } from '../edge/routes/debug.ts'
import { filterV1Routes } from '../edge/routes/filters-v1.ts'
import { filterRoutes } from '../edge/routes/filters.ts'
import { healthRoutes } from '../edge/routes/health.ts'
import { instanceRoutes } from '../edge/routes/instance.ts'
import { listRoutes } from '../edge/routes/lists.ts'
import { mediaRoutes } from '../edge/routes/media.ts'
import { pictureRoutes } from '../edge/routes/misc-pictures.ts'
import { miscRoutes } from '../edge/routes/misc.ts'
import { markerRoutes } from '../edge/routes/notifications-markers.ts'
import { notificationPolicyRoutes, notificationRequestRoutes } from '../edge/routes/notifications-policy.ts'
import { notificationRoutes } from '../edge/routes/notifications.ts'
import { pollRoutes } from '../edge/routes/polls.ts'
import { profilePageRoutes } from '../edge/routes/profile-pages.ts'
import { pushRoutes } from '../edge/routes/push.ts'
import { peopleRoutes } from '../edge/routes/relationships-people.ts'
import { relationshipRoutes } from '../edge/routes/relationships.ts'
import { scheduledStatusRoutes } from '../edge/routes/scheduled-statuses.ts'
import { searchRoutes } from '../edge/routes/search.ts'
import { registerAccessRoutes } from '../edge/routes/sign-up.ts'
import { statusRoutes } from '../edge/routes/statuses.ts'
import { suggestionRoutes } from '../edge/routes/suggestions.ts'
import { tagRoutes } from '../edge/routes/tags.ts'
import { timelineRoutes } from '../edge/routes/timelines.ts'
import { trendRoutes } from '../edge/routes/trends.ts'
import { wellKnownRoutes } from '../edge/routes/well-known.ts'
import type { Edge } from '../edge/routing.ts'
import { serverCounts } from '../edge/server-counts.ts'
import { createServer } from '../edge/server.ts'
import type { HttpPush } from '../http-push/contract.ts'
import type { Config } from '../kit/config/config.ts'
import { DEFAULT_INSTANCE_LIMITS, type InstanceSettings } from '../mastodon/instance.ts'
import { urls as urlsOf } from '../mastodon/urls.ts'
import type { ThreadEngines } from './engines.ts'
import type { Serving } from './serving.ts'
import { openStreams } from './streams.ts'

export interface Site {
  version: string
  /** Undefined where an owner exists. */
  setupLink: SetupLink | undefined
  checks: () => Promise<Record<string, boolean>>
}

/** The server of one thread, and the streams behind it. */
export type PublicDoor = Edge & { readonly push: HttpPush }

/** Of what people are told. */
const NOTICE_ROUTES = [
  notificationRoutes,
  notificationPolicyRoutes,
  notificationRequestRoutes,
  markerRoutes,
  conversationRoutes,
]

/** The server with every route; it does not listen yet. */
export async function openEdge(
  config: Config,
  engines: ThreadEngines,
  blocks: Serving,
  site: Site,
): Promise<PublicDoor> {
  const urls = urlsOf(config.baseUrl, config.localDomain)
  const { clock, log } = engines
  const { people, hydration } = blocks
  const pages = pageSettings(config)
  const counted = engines.shared?.rateCounters
  const edge = await createServer({
    urls,
    clock,
    log,
    identify: (token) => people.oauth.identify(token),
    identifyNow: (token) => people.oauth.identifyNow(token),
    seen: (account) => people.accounts.touch(account),
    limits: config.rateLimits,
    ...(counted && { counters: new RateCounters(counted.seed, counted.memory) }),
    trustedProxies: config.http.trustedProxies,
    errorPage: (status, text) => String(errorPage(pages, status, text)),
  })
  const present = new Presenting(urls, filterSource(blocks.filters))
  const instance = instanceSettings(config, site.version)
  const texts = instanceTexts(config)
  const counts = serverCounts({ accounts: people.accounts, statuses: blocks.statuses, clock })
  const deps = { ...blocks, counts, clock, present, accounts: people.accounts, writing: blocks.writeApi }
  healthRoutes(edge, { checks: site.checks })
  registerAccessRoutes(edge, {
    block: people,
    hydration,
    site: present.site,
    settings: pages,
    clock,
    setupLink: site.setupLink,
    sendConfirmation: undefined,
    vapidPublicKey: config.secrets.vapid.publicKey,
  })
  registerCredentialRoutes(edge, deps)
  accountRoutes(edge, deps)
  accountPeopleRoutes(edge, deps)
  relationshipRoutes(edge, deps)
  peopleRoutes(edge, deps)
  statusRoutes(edge, deps)
  pollRoutes(edge, deps)
  scheduledStatusRoutes(edge, deps)
  mediaRoutes(edge, { ...deps, files: engines.files })
  timelineRoutes(edge, deps)
  listRoutes(edge, deps)
  tagRoutes(edge, deps)
  for (const addRoutes of NOTICE_ROUTES) addRoutes(edge, deps)
  pushRoutes(edge, { ...deps, vapidPublicKey: config.secrets.vapid.publicKey })
  filterRoutes(edge, deps)
  filterV1Routes(edge, deps)
  searchRoutes(edge, deps)
  trendRoutes(edge, deps)
  suggestionRoutes(edge, deps)
  debugRoutes(edge, deps)
  instanceRoutes(edge, { ...deps, settings: instance, texts, contact: () => people.accounts.owner() })
  wellKnownRoutes(edge, { ...deps, settings: instance, urls })
  profilePageRoutes(edge, { ...deps, settings: instance, texts })
  miscRoutes(edge)
  const push = openStreams(edge, engines, blocks, present.site)
  await pictureRoutes(edge)
  return Object.assign(edge, { push })
}

function pageSettings(config: Config): PageSettings {
  return {
    title: config.site.title,
    description: config.site.description,
    rules: [],
    contactEmail: config.site.contactEmail ?? null,
    registrations: isClosed(config) ? 'closed' : config.registrations.mode === 'approved' ? 'approval' : 'open',
    indexableByDefault: config.searchableByDefault,
    requirePkce: config.requirePkce,
    domain: config.localDomain,
    baseUrl: config.baseUrl,
  }
}

function isClosed({ registrations }: Config): boolean {
  return registrations.singleUser || registrations.mode === 'none'
}

function instanceSettings(config: Config, version: string): InstanceSettings {
  return {
    title: config.site.title,
    description: config.site.description,
    version,
    sourceUrl: `${config.baseUrl}/about`,
    contactEmail: config.site.contactEmail ?? '',
    languages: ['en'],
    rules: [],
    registrations: {
      mode: isClosed(config) ? 'closed' : config.registrations.mode === 'approved' ? 'approval' : 'open',
      message: null,
      reasonRequired: false,
    },
    vapidPublicKey: config.secrets.vapid.publicKey,
    limits: { ...DEFAULT_INSTANCE_LIMITS, statusCharacters: config.maxCharacters },
  }
}

function instanceTexts(config: Config): { extendedDescription: string; privacyPolicy: string; updatedAtMs: number } {
  return {
    extendedDescription: config.site.description,
    privacyPolicy: PRIVACY,
    updatedAtMs: Date.UTC(2026, 10, 22),
  }
}

/** What is true of every Dunlin; the operator's own words come on top of it. */
const PRIVACY = [
  'This server keeps what you write, your profile, whom you follow, block and mute, and your e-mail address.',
  'Whoever runs it can read all of that, direct statuses included: they are private among people, not encrypted.',
  'Nothing is sent to other servers. Deleting a status removes its text, its edits and its pictures.',
].join('\n\n')
