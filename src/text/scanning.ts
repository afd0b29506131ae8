/** Reading a text at a place: characters are code points, places are UTF-16 indices. */

/** What the sticky expression (flag `y`) matches at that place; empty when nothing. */
export function matchAt(sticky: RegExp, text: string, at: number): string {
  sticky.lastIndex = at
  return sticky.exec(text)?.[0] ?? ''
}

/** The character at the place; empty at the end. */
export function charAt(text: string, at: number): string {
  const codePoint = text.codePointAt(at)
  return codePoint === undefined ? '' : String.fromCodePoint(codePoint)
}

/** The character before the place; empty at the start. */
export function charBefore(text: string, at: number): string {
  if (at === 0) return ''
  const isLowSurrogate = (text.charCodeAt(at - 1) & 0xfc00) === 0xdc00
  return charAt(text, isLowSurrogate && at > 1 ? at - 2 : at - 1)
}
