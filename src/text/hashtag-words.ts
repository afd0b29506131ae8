/** `BirdWatching2026` → Bird, Watching, 2026: the words that somebody wrote as one. */
const PART = /\p{Lu}?\p{Ll}[\p{Ll}\p{M}]*|\p{Lu}+(?!\p{Ll})|\p{Nd}+|[^\p{Lu}\p{Ll}\p{Nd}_]+/gu

/** One part when it was written in one case. */
export function camelParts(name: string): string[] {
  return name.match(PART) ?? []
}
