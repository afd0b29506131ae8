/**
 * Tokens → HTML, exactly as Mastodon writes it (`TextFormatter`), because clients parse it. The HTML is made here and
 * nowhere else: users' text only ever passes through `escapeHtml`, so there is nothing to sanitise.
 */
import type { Token } from './tokens.ts'

export interface Links {
  /** The profile of a local account; undefined when there is none, and the mention stays plain text. */
  mentionUrl(username: string): string | undefined
  /** The page of a hashtag, by its name as written. */
  tagUrl(name: string): string
  /** This server's domain: mentions that name another stay plain text, and so do all with a domain when it is left out. */
  localDomain?: string
}

const LINK_REL = 'nofollow noopener noreferrer'
const LINK_CHARACTERS_SHOWN = 30
const LINK_PREFIX = /^https?:\/\/(?:www\.)?/i

/** A status or a biography, as paragraphs. */
export function renderHtml(tokens: readonly Token[], links: Links): string {
  return paragraphsOf(tokens)
    .map((paragraph) => `<p>${paragraph.map((token) => renderToken(token, links, LINK_REL)).join('')}</p>`)
    .join('')
}

/** The value of a profile field: one line, its links are claims of identity. */
export function renderField(tokens: readonly Token[], links: Links): string {
  return tokens.map((token) => (token.type === 'newline' ? ' ' : renderToken(token, links, `${LINK_REL} me`))).join('')
}

/** For text and for attributes in double quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char] ?? '')
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Without empty paragraphs, and without line breaks at their ends. */
function paragraphsOf(tokens: readonly Token[]): Token[][] {
  const paragraphs: Token[][] = [[]]
  for (const token of tokens) {
    const current = paragraphs.at(-1)
    if (token.type === 'newline' && token.text.length > 1) paragraphs.push([])
    else if (token.type !== 'newline' || current?.length !== 0) current?.push(token)
  }
  for (const paragraph of paragraphs) if (paragraph.at(-1)?.type === 'newline') paragraph.pop()
  return paragraphs.filter((paragraph) => paragraph.length > 0)
}

function renderToken(token: Token, links: Links, rel: string): string {
  switch (token.type) {
    case 'text':
      return escapeHtml(token.text)
    case 'newline':
      return '<br />'
    case 'link':
      return renderLink(token.url, rel)
    case 'hashtag': {
      const href = escapeHtml(links.tagUrl(token.name))
      return `<a href="${href}" class="mention hashtag" rel="tag">#<span>${escapeHtml(token.name)}</span></a>`
    }
    case 'mention': {
      const url = isLocal(token.domain, links.localDomain) ? links.mentionUrl(token.username) : undefined
      if (url === undefined) return escapeHtml(token.text)
      const name = escapeHtml(token.username)
      return `<span class="h-card" translate="no"><a href="${escapeHtml(url)}" class="u-url mention">@<span>${name}</span></a></span>`
    }
  }
}

/** Whether a mention's domain is this server's; where `localDomain` carries a port, a mention may leave that out. */
export function isLocal(domain: string | undefined, localDomain: string | undefined): boolean {
  if (domain === undefined) return true
  if (localDomain === undefined) return false
  const [named, own] = [domain.toLowerCase(), localDomain.toLowerCase()]
  return named === own || named === own.replace(/:\d+$/, '')
}

/** The scheme is hidden, the rest is cut to 30 characters by style alone: the whole URL stays there to be copied. */
function renderLink(url: string, rel: string): string {
  const prefix = LINK_PREFIX.exec(url)?.[0] ?? ''
  const shown = Array.from(url.slice(prefix.length))
  // An ellipsis in place of a single character would save nothing.
  const isCut = shown.length > LINK_CHARACTERS_SHOWN + 1
  const head = isCut ? shown.slice(0, LINK_CHARACTERS_SHOWN) : shown
  const tail = isCut ? shown.slice(LINK_CHARACTERS_SHOWN) : []
  const spans = [
    `<span class="invisible">${escapeHtml(prefix)}</span>`,
    `<span class="${isCut ? 'ellipsis' : ''}">${escapeHtml(head.join(''))}</span>`,
    `<span class="invisible">${escapeHtml(tail.join(''))}</span>`,
  ]
  return `<a href="${escapeHtml(url)}" target="_blank" rel="${rel}" translate="no">${spans.join('')}</a>`
}
