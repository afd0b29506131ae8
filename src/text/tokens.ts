/**
 * Text → tokens: what is a mention, a hashtag, a link. By Mastodon's rules (`Account::MENTION_RE`, `Tag::HASHTAG_RE`,
 * `config/initializers/twitter_regex.rb`), but as one pass of a scanner instead of nested regular expressions, which had
 * to be repaired for quadratic time there (GHSA-jpxp). Every regular expression here is one character class, or an
 * alternative of fixed strings, so none can backtrack.
 *
 * The texts of the tokens, one after the other, are the input again.
 */
import { scanLink } from './links.ts'
import { charAt, charBefore, matchAt } from './scanning.ts'

export type Token =
  | { type: 'text'; text: string }
  /** `domain` is absent in the short form; as written, both of them. */
  | { type: 'mention'; text: string; username: string; domain?: string }
  /** `name` is as written, without the sign. */
  | { type: 'hashtag'; text: string; name: string }
  | { type: 'link'; text: string; url: string }
  /** One newline is a line break, more are the end of a paragraph. */
  | { type: 'newline'; text: string }

export const USERNAME_CHARS_MAX = 30

/** Where an entity or a line may start. */
const STARTS = /[@#＃\n]|https?:\/\//giu

const NEWLINES = /\n+/y
const USERNAME = /[a-z0-9_]+/iy
const DOMAIN = /[\p{L}\p{M}\p{Nd}\p{Pc}]+/uy
const JOINERS = /[.-]+/y
const DIGITS = /[0-9]+/y
const PORT_DIGITS_MAX = 5
/** Letters, marks, digits, underscores and the separators of a hashtag: middle dots and the zero width non-joiner. */
const HASHTAG = /[\p{L}\p{M}\p{Nd}\p{Pc}·・\u200c]+/uy

const WORD = /[\p{L}\p{M}\p{Nd}\p{Pc}]/u
const ALPHABETIC = /\p{Alphabetic}/u
const HASHTAG_SEPARATOR = /[_·・\u200c]/u
const LATIN_OR_MARK = /[\p{Script=Latin}\p{M}]/u

/** Linear in the length of the text, whatever it holds. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  const starts = new RegExp(STARTS)
  let textFrom = 0
  for (let start = starts.exec(text); start !== null; start = starts.exec(text)) {
    const token = scanAt(text, start.index)
    if (token === undefined) {
      starts.lastIndex = start.index + 1
      continue
    }
    if (start.index > textFrom) tokens.push({ type: 'text', text: text.slice(textFrom, start.index) })
    tokens.push(token)
    textFrom = start.index + token.text.length
    starts.lastIndex = textFrom
  }
  if (textFrom < text.length) tokens.push({ type: 'text', text: text.slice(textFrom) })
  return tokens
}

function scanAt(text: string, at: number): Token | undefined {
  switch (text[at]) {
    case '\n':
      return { type: 'newline', text: matchAt(NEWLINES, text, at) }
    case '@':
      return scanMention(text, at)
    case '#':
    case '＃':
      return scanHashtag(text, at)
    default: {
      const url = scanLink(text, at)
      return url === undefined ? undefined : { type: 'link', text: url, url }
    }
  }
}

function scanMention(text: string, at: number): Token | undefined {
  const before = charBefore(text, at)
  if (before === '=' || before === '/' || WORD.test(before)) return undefined
  const username = scanJoined(USERNAME, text, at + 1)
  if (username === '' || username.length > USERNAME_CHARS_MAX) return undefined
  let end = at + 1 + username.length
  const domain = text[end] === '@' ? scanDomain(text, end + 1) : ''
  if (domain !== '') end += 1 + domain.length
  // What goes on like this is an address, a name in another alphabet or the scheme of something.
  const after = charAt(text, end)
  if (after === '@' || after === '＠' || LATIN_OR_MARK.test(after) || text.startsWith('://', end)) return undefined
  const mention = { type: 'mention' as const, text: text.slice(at, end), username }
  return domain === '' ? mention : { ...mention, domain }
}

/** A host, and its port where there is one: `localhost:3000` is a server's name here. */
function scanDomain(text: string, from: number): string {
  const host = scanJoined(DOMAIN, text, from)
  const end = from + host.length
  const port = host !== '' && text[end] === ':' ? matchAt(DIGITS, text, end + 1) : ''
  return port === '' || port.length > PORT_DIGITS_MAX ? host : `${host}:${port}`
}

/** Words joined by dots or hyphens; those at the end belong to the sentence. */
function scanJoined(word: RegExp, text: string, from: number): string {
  let end = from + matchAt(word, text, from).length
  while (end > from) {
    const joiners = matchAt(JOINERS, text, end)
    const next = joiners === '' ? '' : matchAt(word, text, end + joiners.length)
    if (next === '') break
    end += joiners.length + next.length
  }
  return text.slice(from, end)
}

function scanHashtag(text: string, at: number): Token | undefined {
  const before = charBefore(text, at)
  if (before === '=' || before === '/' || before === ')' || before === '_' || isAlphanumeric(before)) return undefined
  let run = matchAt(HASHTAG, text, at + 1)
  // `#taghttps://example.com`: the scheme belongs to the link.
  if (text.startsWith('://', at + 1 + run.length)) run = withoutSuffix(withoutSuffix(run, 'https'), 'http')
  const name = withoutTrailingSeparators(run)
  return isHashtagName(name) ? { type: 'hashtag', text: text.slice(at, at + 1 + name.length), name } : undefined
}

/** Begins and ends with a word character, and is not just digits: a letter anywhere, or a separator between. */
export function isHashtagName(name: string): boolean {
  if (name === '' || matchAt(HASHTAG, name, 0) !== name) return false
  if (!WORD.test(charAt(name, 0)) || withoutTrailingSeparators(name) !== name) return false
  return ALPHABETIC.test(name) || HASHTAG_SEPARATOR.test(name.slice(1, -1))
}

function withoutTrailingSeparators(run: string): string {
  let end = run.length
  while (end > 0 && '·・\u200c'.includes(run.charAt(end - 1))) end--
  return run.slice(0, end)
}

function withoutSuffix(text: string, suffix: string): string {
  return text.endsWith(suffix) ? text.slice(0, -suffix.length) : text
}

function isAlphanumeric(char: string): boolean {
  return ALPHABETIC.test(char) || /\p{Nd}/u.test(char)
}
