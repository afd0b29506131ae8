/**
 * A status → what the index holds of it. Pure: the same status gives the same document, today and after every restart.
 *
 * Words stand at their places, so that phrases are found; a place is left empty between the warning, the text, each
 * description of a picture and each option of a poll, so that no phrase reaches from one into the next. Everything else is a
 * field: a term that no word can be (`#tag`, `from:12`), see FIELDS in `text/fields.ts`.
 */
import { FLAG, NO_POSITION, POSITIONS_MAX, type Counts, type IndexDocument } from '../earlybird/contract.ts'
import { addTerms, type PlacedTerms } from '../text/analysis.ts'
import { FIELD, hostTerms } from '../text/fields.ts'
import { camelParts } from '../text/hashtag-words.ts'
import { tokenize, type Token } from '../text/tokens.ts'
import type { IngestedStatus } from './contract.ts'

const NO_COUNTS: Counts = { favourites: 0, boosts: 0, replies: 0 }
const URL_WORDS_UNITS_MAX = 200

/** Undefined for what only some people may see: that is never in the index. */
export function documentOf(ingested: IngestedStatus): IndexDocument | undefined {
  const { visibility } = ingested.status
  return visibility === 'public' || visibility === 'unlisted' ? anyDocumentOf(ingested) : undefined
}

/** Of any status, for searches within what a person wrote. */
export function anyDocumentOf({ status, media, counts = NO_COUNTS, pollOptions = [] }: IngestedStatus): IndexDocument {
  const placed: PlacedTerms = { terms: [], places: [] }
  const fields = new Set<string>([FIELD.from + status.accountId.toString()])
  let flags = FLAG.local | (status.visibility === 'public' ? FLAG.public : 0)
  if (status.boostOf !== null) {
    fields.add(FIELD.isBoost)
    return assembled(status, { placed, fields, flags: flags | FLAG.boost, length: 0, counts })
  }
  const tokens = tokenize(status.text)
  const length = addTexts(piecesOf(status.spoilerText, tokens, media, pollOptions), status.language, placed)
  for (const tag of status.tags) fields.add(FIELD.tag + tag)
  for (const id of status.mentions) fields.add(FIELD.mention + id.toString())
  if (status.inReplyToAccount !== null) fields.add(FIELD.to + status.inReplyToAccount.toString())
  if (status.language !== null) fields.add(FIELD.language + (status.language.split('-')[0] ?? ''))
  for (const token of tokens) {
    if (token.type !== 'link') continue
    flags |= FLAG.link
    for (const term of hostTerms(token.url)) fields.add(term)
  }
  flags |= mediaFlags(media) | (pollOptions.length > 0 ? FLAG.poll : 0)
  if (status.inReplyTo !== null) flags |= FLAG.reply
  if (status.sensitive) flags |= FLAG.sensitive
  if (status.revision > 0) flags |= FLAG.edited
  for (const [name, flag] of HAS) if ((flags & flag) !== 0) fields.add(FIELD.has + name)
  return assembled(status, { placed, fields, flags, length, counts })
}

/** What `has:` asks for. */
const HAS = [
  ['media', FLAG.media],
  ['image', FLAG.image],
  ['video', FLAG.video],
  ['audio', FLAG.audio],
  ['poll', FLAG.poll],
  ['link', FLAG.link],
] as const

type Piece = string | readonly Token[]

function piecesOf(
  spoilerText: string,
  tokens: readonly Token[],
  media: IngestedStatus['media'],
  pollOptions: readonly string[],
): Piece[] {
  const descriptions = media.flatMap(({ description }) => description ?? [])
  return [spoilerText, tokens, ...descriptions, ...pollOptions]
}

/** Returns how many words there are. */
function addTexts(pieces: readonly Piece[], language: string | null, into: PlacedTerms): number {
  let place = 0
  let words = 0
  for (const piece of pieces) {
    const from = place
    if (typeof piece === 'string') place = addTerms(piece, language, into, place)
    else for (const token of piece) place = addToken(token, language, into, place)
    words += place - from
    if (place > from) place += 1
  }
  return words
}

function addToken(token: Token, language: string | null, into: PlacedTerms, place: number): number {
  switch (token.type) {
    case 'text':
      return addTerms(token.text, language, into, place)
    case 'mention':
      return addTerms(token.username, null, into, place)
    case 'hashtag':
      return addHashtag(token.name, language, into, place)
    case 'link':
      return addTerms(urlWords(token.url), null, into, place)
    case 'newline':
      return place
  }
}

/** `#BirdWatching` is the word `birdwatching`, and `bird` followed by `watching`. */
function addHashtag(name: string, language: string | null, into: PlacedTerms, place: number): number {
  const end = addTerms(name, language, into, place)
  const parts = camelParts(name)
  if (parts.length < 2) return end
  return Math.max(end, addTerms(parts.join(' '), language, into, place))
}

/** The words of the path; of the host only `url:` knows. */
function urlWords(url: string): string {
  const path = /^[^/]*\/\/[^/?#]*(.*)$/s.exec(url)?.[1] ?? ''
  return decoded(path.slice(0, URL_WORDS_UNITS_MAX)).replaceAll(/[\W_]+/gu, ' ')
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function mediaFlags(media: IngestedStatus['media']): number {
  let flags = media.length > 0 ? FLAG.media : 0
  for (const { type } of media) {
    if (type === 'image') flags |= FLAG.image
    else if (type === 'video' || type === 'gifv') flags |= FLAG.video
    else if (type === 'audio') flags |= FLAG.audio
  }
  return flags
}

interface Parts {
  placed: PlacedTerms
  fields: ReadonlySet<string>
  flags: number
  length: number
  counts: Counts
}

function assembled({ id, accountId }: IngestedStatus['status'], parts: Parts): IndexDocument {
  const { terms, places } = parts.placed
  const positions = places.map((place) => (place < POSITIONS_MAX ? place : NO_POSITION))
  for (const field of parts.fields) {
    terms.push(field)
    positions.push(NO_POSITION)
  }
  return { id, author: accountId, flags: parts.flags, terms, positions, length: parts.length, counts: parts.counts }
}
