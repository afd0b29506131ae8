/** Documents by which programs find and recognise this server. */
import type { Accounts } from '../../accounts/contract.ts'
import type { Hydration } from '../../hydration/contract.ts'
import { AppError, notFound } from '../../kit/errors.ts'
import { hostMeta, nodeInfo, nodeInfoLinks, webFinger } from '../../mastodon/documents.ts'
import type { InstanceSettings } from '../../mastodon/instance.ts'
import type { Urls } from '../../mastodon/urls.ts'
import type { Edge } from '../routing.ts'
import type { ServerCounts } from '../server-counts.ts'
import { memberNamed, type Users } from './members.ts'

export interface WellKnownDeps {
  settings: Pick<InstanceSettings, 'title' | 'description' | 'version' | 'registrations'>
  urls: Urls
  accounts: Pick<Accounts, 'byUsername'> & Users
  counts: () => Promise<ServerCounts>
  hydration: Pick<Hydration, 'accounts'>
}

const ROBOTS = `User-agent: *
Disallow: /api/
Disallow: /oauth/
Disallow: /auth/
Disallow: /media/
`

export function wellKnownRoutes(edge: Edge, deps: WellKnownDeps): void {
  const { urls } = deps
  document(edge, '/.well-known/host-meta', 'application/xrd+xml; charset=utf-8', () => hostMeta(urls))
  document(edge, '/robots.txt', 'text/plain; charset=utf-8', () => ROBOTS)
  edge.route({
    method: 'GET',
    path: '/.well-known/nodeinfo',
    auth: 'public',
    cache: 'instance',
    handler: () => nodeInfoLinks(urls),
  })
  edge.route({
    method: 'GET',
    path: '/nodeinfo/2.0',
    auth: 'public',
    cache: 'instance',
    answers: 'other',
    handler: async (call) => {
      call.setHeader('content-type', NODEINFO_TYPE)
      return JSON.stringify(await nodeInfoOf(deps))
    },
  })
  edge.route({
    method: 'GET',
    path: '/.well-known/webfinger',
    auth: 'public',
    answers: 'other',
    handler: async (call) => {
      const jrd = await webFingerOf(deps, call.params.requireText('resource', { max: 1000 }))
      call.setHeader('content-type', 'application/jrd+json; charset=utf-8')
      return JSON.stringify(jrd)
    },
  })
}

const NODEINFO_TYPE = 'application/json; profile="http://nodeinfo.diaspora.software/ns/schema/2.0#"; charset=utf-8'

function document(edge: Edge, path: string, type: string, text: () => string): void {
  edge.route({
    method: 'GET',
    path,
    auth: 'public',
    cache: 'instance',
    answers: 'other',
    handler: (call) => {
      call.setHeader('content-type', type)
      return text()
    },
  })
}

async function nodeInfoOf({ settings, counts }: WellKnownDeps) {
  return nodeInfo({
    ...(await counts()),
    version: settings.version,
    title: settings.title,
    description: settings.description,
    openRegistrations: settings.registrations.mode === 'open',
  })
}

/** RFC 7033, for `acct:name@domain` and for addresses of profiles. */
async function webFingerOf(deps: WellKnownDeps, resource: string) {
  const username = usernameOf(resource, deps.urls)
  const account = username === undefined ? undefined : await memberNamed(deps.accounts, username)
  if (account === undefined) throw notFound()
  if (account.suspended) throw new AppError('gone', 'Gone')
  const [view] = await deps.hydration.accounts([account.id])
  if (view === undefined) throw notFound()
  return webFinger(view, deps.urls)
}

function usernameOf(resource: string, { base, domain }: Urls): string | undefined {
  const [, name, host] = /^(?:acct:)?@?(\w{1,30})@([^@/]{1,300})$/i.exec(resource) ?? []
  if (name !== undefined) return host?.toLowerCase() === domain.toLowerCase() ? name : undefined
  if (!resource.startsWith(`${base}/`)) return undefined
  return /^\/(?:@|users\/)(\w{1,30})\/?$/.exec(resource.slice(base.length))?.[1]
}
