/** What a text names: the accounts it mentions, its hashtags, its links. */
import { isLocal } from './render.ts'
import { isHashtagName } from './tokens.ts'
import type { Token } from './tokens.ts'

/** Lower-case user names of local accounts mentioned, each once, in order of appearance. */
export function mentionedUsernames(tokens: readonly Token[], localDomain: string): string[] {
  const names = tokens.flatMap((token) =>
    token.type === 'mention' && isLocal(token.domain, localDomain) ? [token.username.toLowerCase()] : [],
  )
  return [...new Set(names)]
}

/** Normalised hashtags, each once, in order of appearance. */
export function hashtagNames(tokens: readonly Token[]): string[] {
  const names = tokens.flatMap((token) => (token.type === 'hashtag' ? [normalizeHashtag(token.name)] : []))
  return [...new Set(names.filter((name) => name !== ''))]
}

/** URLs, each once, in order of appearance. */
export function linkedUrls(tokens: readonly Token[]): string[] {
  return [...new Set(tokens.flatMap((token) => (token.type === 'link' ? [token.url] : [])))]
}

/** Letters that NFD does not take apart (Mastodon's `ASCIIFolding`). */
const FOLDED: Readonly<Record<string, string>> = {
  ð: 'd',
  đ: 'd',
  ħ: 'h',
  ı: 'i',
  ĸ: 'k',
  ŀ: 'l',
  ł: 'l',
  ŉ: 'n',
  ŋ: 'n',
  ø: 'o',
  ſ: 's',
  ŧ: 't',
}
/** The accented letters of the Latin-1 Supplement and Latin Extended-A, as Mastodon folds; other scripts keep their marks. */
const FOLDABLE = /[\u00c0-\u017f]/g
/** Accents left over beside a letter, and the choice between an emoji and a plain sign. */
const LOOSE_MARKS = /[\u0300-\u036f\ufe00-\ufe0f]/g
/** Unlike Mastodon we keep all marks that scripts such as Devanagari spell with. */
const INVALID = /[^\p{Alphabetic}\p{Nd}\p{M}_·・\u200c]/gu

/**
 * The form in which hashtags are stored and compared (Mastodon's `HashtagNormalizer`): full-width forms, case and the
 * accents of Latin letters are folded away. May be empty.
 */
export function normalizeHashtag(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replace(FOLDABLE, (letter) => FOLDED[letter] ?? baseLetter(letter))
    .replace(LOOSE_MARKS, '')
    .replace(INVALID, '')
}

/** As `normalizeHashtag`, of what a client sent in a path or parameter, with or without `#`; undefined when it is no tag. */
export function parseHashtag(text: string): string | undefined {
  const name = text.replace(/^[#＃]/u, '').normalize('NFC')
  return isHashtagName(name) ? normalizeHashtag(name) : undefined
}

/** Of an accented Latin letter; others (æ, ß, þ) stay. */
function baseLetter(letter: string): string {
  const base = letter.normalize('NFD').charAt(0)
  return /[a-z]/.test(base) ? base : letter
}
