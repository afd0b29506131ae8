/**
 * Statuses for the benchmarks of search: about 15 words, five languages, words and authors that are frequent as Zipf says
 * (exponent 1), a tag or a link now and then. Every status is made of its number alone, so that any of them can be made again.
 */
import { FLAG, type IndexDocument } from '../src/earlybird/contract.ts'
import { seededRandom, type Random } from '../src/seed/random.ts'
import { firstIdAt, type AccountId, type StatusId } from '../src/snowflake/contract.ts'
import type { StatusRecord } from '../src/status-store/contract.ts'
import { FIELD } from '../src/text/fields.ts'

const WORDS_PER_LANGUAGE = 50_000
const AUTHORS = 20_000
/** Five million statuses fill a year. */
const STATUS_MS = 6_300
/** A status of now; those before are older. */
export const NEWEST_MS = Date.UTC(2026, 10, 22)

const SYLLABLES: Record<string, readonly string[]> = {
  en: ['th', 'er', 'on', 'an', 're', 'he', 'in', 'ed', 'nd', 'ha', 'at', 'en', 'es', 'of', 'or', 'nt'],
  de: ['en', 'er', 'ch', 'ei', 'sch', 'ung', 'lich', 'ä', 'ö', 'ü', 'be', 'ge', 'ver', 'aus', 'zu', 'st'],
  es: ['os', 'as', 'es', 'ar', 'er', 'ción', 'ado', 'ñ', 'qu', 'mente', 'de', 'la', 'que', 'por', 'con', 'ía'],
  fr: ['ment', 'tion', 'ou', 'ai', 'é', 'è', 'ç', 'que', 'les', 'des', 'eau', 'ille', 'ez', 'ais', 'pour', 'sur'],
  ja: ['鳥', '海', '空', '山', '川', '風', '雨', '雪', '花', '月', '日', '本', '語', '人', '水', '火'],
}
const LANGUAGES = ['en', 'en', 'en', 'ja', 'es', 'de', 'fr', 'en'] as const

export interface SearchStatus {
  id: StatusId
  author: AccountId
  language: string
  words: string[]
  tag: string | undefined
  link: boolean
  favourites: number
}

export class SearchWorld {
  readonly #words = new Map(Object.entries(SYLLABLES).map(([language, parts]) => [language, vocabulary(parts)]))
  readonly #statuses: number

  /** `statuses`: how many there are before NEWEST_MS; later numbers are newer. */
  constructor(statuses: number) {
    this.#statuses = statuses
  }

  statusAt(n: number): SearchStatus {
    const random = seededRandom(n)
    const language = random.pick(LANGUAGES)
    const words: string[] = []
    for (let count = 6 + random.below(19); count > 0; count--)
      words.push(this.wordAt(language, zipf(random, WORDS_PER_LANGUAGE)))
    return {
      id: firstIdAt(NEWEST_MS + (n - this.#statuses) * STATUS_MS) as StatusId,
      author: authorAt(zipf(random, AUTHORS)),
      language,
      words,
      tag: random.chance(0.2) ? this.wordAt('en', 100 + zipf(random, 5_000)) : undefined,
      link: random.chance(0.1),
      favourites: Math.floor(random.unit() ** -0.7) - 1,
    }
  }

  /** The word of that rank; 0 is the most frequent. */
  wordAt(language: string, rank: number): string {
    return this.#words.get(language)?.[rank % WORDS_PER_LANGUAGE] ?? ''
  }

  /** As the Ingester would make it, without its work. */
  documentAt(n: number): IndexDocument {
    const { id, author, language, words, tag, link, favourites } = this.statusAt(n)
    const terms = [...words, FIELD.from + author.toString(), FIELD.language + language]
    if (tag !== undefined) terms.push(FIELD.tag + tag)
    if (link) terms.push(`${FIELD.url}example.com`, `${FIELD.url}www.example.com`)
    return {
      id,
      author,
      flags: FLAG.public | FLAG.local | (link ? FLAG.link : 0),
      terms,
      positions: terms.map((_, place) => (place < words.length ? place : -1)),
      length: words.length,
      counts: { favourites, boosts: 0, replies: 0 },
    }
  }

  /** As it lies in PostgreSQL. */
  recordAt(n: number): StatusRecord {
    const { id, author, language, words, tag, link } = this.statusAt(n)
    const text = words.join(language === 'ja' ? '' : ' ')
    return {
      id,
      accountId: author,
      visibility: 'public',
      boostOf: null,
      inReplyTo: null,
      inReplyToAccount: null,
      conversation: id,
      text: `${text}${tag === undefined ? '' : ` #${tag}`}${link ? ' https://www.example.com/page' : ''}`,
      spoilerText: '',
      sensitive: false,
      language,
      mentions: [],
      tags: tag === undefined ? [] : [tag],
      media: [],
      appId: null,
      createdAtMs: NEWEST_MS,
      editedAtMs: null,
      revision: 0,
    }
  }
}

export function authorAt(rank: number): AccountId {
  return (BigInt(rank + 1) << 24n) as AccountId
}

/** A rank whose probability falls as 1 / (rank + 1). */
export function zipf(random: Random, ranks: number): number {
  return Math.min(ranks - 1, Math.floor((ranks + 1) ** random.unit()) - 1)
}

function vocabulary(parts: readonly string[]): string[] {
  return Array.from({ length: WORDS_PER_LANGUAGE }, (_, rank) => {
    let word = ''
    for (let rest = rank + 1; rest > 0; rest = Math.floor(rest / parts.length)) word += parts[rest % parts.length] ?? ''
    return word
  })
}
