/** Trends::Link: a preview card, and the history of its address. Pages are not fetched, so the address says what it is. */
import { tagHistory, type DayShown } from './tag.ts'

const TITLE_CHARACTERS_MAX = 100

export interface TrendingLink {
  url: string
  title: string
  description: string
  language: null
  type: 'link'
  authors: never[]
  author_name: string
  author_url: string
  provider_name: string
  provider_url: string
  html: string
  width: number
  height: number
  image: null
  image_description: string
  embed_url: string
  blurhash: null
  published_at: null
  missing_attribution: null
  history: { day: string; uses: string; accounts: string }[]
}

export function presentTrendingLink(url: string, days: readonly DayShown[], nowMs: number): TrendingLink {
  const address = URL.parse(url)
  const host = address?.host.replace(/^www\./, '') ?? ''
  const path = address === null ? url : decoded(address.pathname.replace(/\/$/, ''))
  const home = address === null ? url : `${address.origin}/`
  return {
    url,
    title: [...`${host}${path}`].slice(0, TITLE_CHARACTERS_MAX).join(''),
    description: '',
    language: null,
    type: 'link',
    authors: [],
    author_name: '',
    author_url: home,
    provider_name: host,
    provider_url: home,
    html: '',
    width: 0,
    height: 0,
    image: null,
    image_description: '',
    embed_url: url,
    blurhash: null,
    published_at: null,
    missing_attribution: null,
    history: tagHistory(days, nowMs),
  }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
