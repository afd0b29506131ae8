/**
 * Words of a folded text, by the rules of `Intl.Segmenter` (UAX #29) but in one pass of a scanner, because the Segmenter
 * takes 4 to 15 times as long (November 2026). Two things differ, for the sake of what people search for: a full stop or colon between letters
 * divides (`now.then` is two words), and scripts that are written without spaces (Han, kana, Thai, Lao, Khmer, Burmese), and
 * Hangul with its particles, give pairs of characters instead of dictionary words: no dictionary knows every name.
 *
 * A run of n such characters takes n places: n − 1 pairs and the last character alone, so that a single character is found
 * as the beginning of a term wherever it stands.
 */

/** Longer words are cut: nobody types them, and a term has a limit. UTF-16 units. */
export const WORD_UNITS_MAX = 48

export type WordKind = 'word' | 'dense' | 'emoji'

/** `text` is the folded text from `start` to `end`. */
export type SeeWord = (kind: WordKind, start: number, end: number) => void

const OTHER = 0
const LETTER = 1
const DIGIT = 2
/** Letters of scripts without spaces; DENSE + n, by groups that make no pair with each other. */
const DENSE = 3
const HANGUL = 4
const SOUTH_EAST = 5
/** Marks and invisible joiners: part of whatever stands before. */
const EXTEND = 6
/** Joins words and numbers alike: the underscore. */
const CONNECTOR = 7
/** Joins letters, and digits. */
const APOSTROPHE = 8
/** Joins digits. */
const NUMBER_SIGN = 9
const PICTURE = 10

const CLASSES: readonly [RegExp, number][] = [
  [/[\p{Alphabetic}\p{L}]/gu, LETTER],
  [/\p{Nd}/gu, DIGIT],
  [/[\p{M}\p{Cf}]/gu, EXTEND],
  [/\p{Pc}/gu, CONNECTOR],
  [/['＇]/gu, APOSTROPHE],
  [/[.,;،؛٬﹐﹒]/gu, NUMBER_SIGN],
  [/\p{Extended_Pictographic}/gu, PICTURE],
  [/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー々〆]/gu, DENSE],
  [/\p{Script=Hangul}/gu, HANGUL],
  [/[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/gu, SOUTH_EAST],
  // A zero width space is a place to break.
  [/\u200b/gu, OTHER],
]

/** By UTF-16 unit; half of a pair is OTHER. 64 KB. */
const CLASS_OF = classTable()

const EMOJI = /\p{RGI_Emoji}/vy

function classTable(): Uint8Array {
  const units = Uint16Array.from({ length: 0x10000 }, (_, unit) => (unit >= 0xd800 && unit <= 0xdfff ? 0x20 : unit))
  let text = ''
  for (let at = 0; at < units.length; at += 4_096) text += String.fromCharCode(...units.subarray(at, at + 4_096))
  const table = new Uint8Array(units.length)
  for (const [members, number] of CLASSES) for (const { index } of text.matchAll(members)) table[index] = number
  return table
}

function classOfAstral(codePoint: number): number {
  const char = String.fromCodePoint(codePoint)
  return CLASSES.findLast(([members]) => char.search(members) === 0)?.[1] ?? OTHER
}

/** Linear in the length of the text. */
export function scanWords(text: string, see: SeeWord): void {
  const { length } = text
  let at = 0
  while (at < length) {
    const unit = text.charCodeAt(at)
    let kind = CLASS_OF[unit] ?? OTHER
    let width = 1
    if (unit >= 0xd800 && unit <= 0xdbff && at + 1 < length) {
      kind = classOfAstral(text.codePointAt(at) ?? 0)
      width = 2
    }
    if (kind === LETTER || kind === DIGIT || kind === CONNECTOR) at = scanWord(text, at, see)
    else if (kind >= DENSE && kind <= SOUTH_EAST) at = scanDense(text, at, kind, see)
    else if (kind === PICTURE || (width === 2 && kind === OTHER)) at = scanEmoji(text, at, width, see)
    else at += width
  }
}

function scanWord(text: string, from: number, see: SeeWord): number {
  let at = from
  let last = OTHER
  let isWord = false
  for (;;) {
    const kind = classAt(text, at)
    if (kind === LETTER || kind === DIGIT) {
      last = kind
      isWord = true
    } else if (kind === APOSTROPHE || kind === NUMBER_SIGN) {
      const next = classAt(text, at + 1)
      const joins = last === next && (last === DIGIT || (last === LETTER && kind === APOSTROPHE))
      if (!joins) break
    } else if (kind === CONNECTOR) {
      last = CONNECTOR
    } else if (kind !== EXTEND) break
    at += isPair(text, at) ? 2 : 1
  }
  if (isWord) see('word', from, at)
  return Math.max(at, from + 1)
}

function scanDense(text: string, from: number, kind: number, see: SeeWord): number {
  let at = from
  let before = -1
  while (at < text.length) {
    const here = classAt(text, at)
    if (here !== kind && (here !== EXTEND || before < 0)) break
    const next = at + (isPair(text, at) ? 2 : 1)
    if (before >= 0) see('dense', before, next)
    before = at
    at = next
  }
  see('dense', before, at)
  return at
}

function scanEmoji(text: string, at: number, width: number, see: SeeWord): number {
  EMOJI.lastIndex = at
  const emoji = EMOJI.exec(text)?.[0]
  const isPlain = emoji === undefined && CLASS_OF[text.charCodeAt(at)] !== PICTURE && width === 1
  if (isPlain) return at + width
  const isPicture = emoji !== undefined || /^\p{Extended_Pictographic}/u.test(text.slice(at, at + width))
  if (!isPicture) return at + width
  const end = at + Math.max(emoji?.length ?? 0, width)
  see('emoji', at, end)
  return end
}

function classAt(text: string, at: number): number {
  if (at >= text.length) return OTHER
  const unit = text.charCodeAt(at)
  if (unit < 0xd800 || unit > 0xdbff) return CLASS_OF[unit] ?? OTHER
  return classOfAstral(text.codePointAt(at) ?? 0)
}

function isPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00
}
