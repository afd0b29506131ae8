/** Documents by which programs find and recognise this server: host-meta, NodeInfo, WebFinger. */
import type { AccountView } from '../hydration/contract.ts'
import { MASTODON_VERSION } from './instance.ts'
import type { Urls } from './urls.ts'
import { accountUrl } from './urls.ts'

/** XRD 1.0 (RFC 6415); Phanpy takes the web domain from the template. */
export function hostMeta(urls: Urls): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">
  <Link rel="lrdd" template="${urls.base}/.well-known/webfinger?resource={uri}"/>
</XRD>
`
}

export function nodeInfoLinks(urls: Urls) {
  return { links: [{ rel: 'http://nodeinfo.diaspora.software/ns/schema/2.0', href: `${urls.base}/nodeinfo/2.0` }] }
}

export interface NodeInfoFacts {
  version: string
  openRegistrations: boolean
  users: number
  activeMonth: number
  activeHalfYear: number
  statuses: number
  title: string
  description: string
}

/** NodeInfo 2.0. The name is our own; `upstream` tells clients that know only Mastodon how to talk to us. */
export function nodeInfo(facts: NodeInfoFacts) {
  return {
    version: '2.0',
    software: { name: 'dunlin', version: facts.version },
    protocols: [],
    services: { inbound: [], outbound: [] },
    usage: {
      users: { total: facts.users, activeMonth: facts.activeMonth, activeHalfyear: facts.activeHalfYear },
      localPosts: facts.statuses,
    },
    openRegistrations: facts.openRegistrations,
    metadata: {
      nodeName: facts.title,
      nodeDescription: facts.description,
      upstream: { name: 'mastodon', version: MASTODON_VERSION },
    },
  }
}

/** JRD (RFC 7033) of one account. There is no `self` link: this server does not federate. */
export function webFinger({ account }: AccountView, urls: Urls) {
  const profile = accountUrl(urls, account.username)
  return {
    subject: `acct:${account.username}@${urls.domain}`,
    aliases: [profile],
    links: [
      { rel: 'http://webfinger.net/rel/profile-page', type: 'text/html', href: profile },
      ...(account.avatar === null
        ? []
        : [{ rel: 'http://webfinger.net/rel/avatar', type: 'image/png', href: urls.media(account.avatar.key) }]),
    ],
  }
}
