/**
 * The length of a status by Mastodon's counting (`StatusLengthValidator`): grapheme clusters, a link counts 23 whatever its
 * length, a mention counts without its domain, and the content warning counts too.
 */
import { tokenize } from './tokens.ts'
import type { Token } from './tokens.ts'

export const LINK_CHARACTERS = 23

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
const LINK_PLACEHOLDER = 'x'.repeat(LINK_CHARACTERS)
/** Every one of these is a grapheme of its own, unless a carriage return meets a newline, or other characters follow. */
const ONLY_ASCII = /^[\n\u0020-\u007e]*$/

/** Stops counting above `stopAbove`, since more is too long anyway. */
export function countCharacters(text: string, spoiler: string, stopAbove = Infinity): number {
  return countGraphemes(spoiler + tokenize(text).map(countedText).join(''), stopAbove)
}

/** Grapheme clusters: what people take for one character. */
export function countGraphemes(text: string, stopAbove = Infinity): number {
  if (ONLY_ASCII.test(text)) return text.length
  let count = 0
  for (const _ of graphemes.segment(text)) if (++count > stopAbove) break
  return count
}

function countedText(token: Token): string {
  if (token.type === 'link') return LINK_PLACEHOLDER
  return token.type === 'mention' ? `@${token.username}` : token.text
}
