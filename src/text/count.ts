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
  return countGraphemes(countedAs(tokenize(text), spoiler), stopAbove)
}

/** Whether `countCharacters` of the tokens' text is above `max`; most texts are so short that nothing has to be counted. */
export function isLongerThan(max: number, tokens: readonly Token[], spoiler: string): boolean {
  const counted = countedAs(tokens, spoiler)
  // A grapheme has one UTF-16 unit at least.
  return counted.length > max && countGraphemes(counted, max) > max
}

/** Grapheme clusters: what people take for one character. */
export function countGraphemes(text: string, stopAbove = Infinity): number {
  if (ONLY_ASCII.test(text)) return text.length
  let count = 0
  for (const _ of graphemes.segment(text)) if (++count > stopAbove) break
  return count
}

function countedAs(tokens: readonly Token[], spoiler: string): string {
  return spoiler + tokens.map(countedText).join('')
}

function countedText(token: Token): string {
  if (token.type === 'link') return LINK_PLACEHOLDER
  return token.type === 'mention' ? `@${token.username}` : token.text
}
