/**
 * Relevance: (1 + text) × recency × engagement.
 *
 * - text: BM25 (Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009) over the words found.
 *   Statuses are short, so a word counts twice at most, and the average length is a constant: a score then depends on nothing
 *   but the document and how many documents have the word, and no writer has to keep a mean.
 * - recency: 1 / (1 + age / RECENCY_MS), which falls fast at first and never to nothing.
 * - engagement: 1 + log2(1 + favourites + 2 · boosts + replies) / 8; 255 favourites double the score.
 *
 * Each factor has a bound by block of documents, so that the walk ends once nothing older can get among the best.
 */
import { EPOCH_MS, SEQUENCE_BITS, WORKER_BITS } from '../snowflake/contract.ts'

const K1 = 1.2
const B = 0.75
const AVERAGE_WORDS = 15
const ENGAGEMENT_BITS = 8
export const FREQUENCY_MAX = 2
const RECENCY_MS = 2 * 86_400_000
const ID_KEY_PER_MS = Number(1n << (WORKER_BITS + SEQUENCE_BITS))

/** Inverse document frequency: of `total` documents `documents` have the word. */
export function rarity(documents: number, total: number): number {
  return Math.log(1 + (Math.max(total, documents) - documents + 0.5) / (documents + 0.5))
}

/** What a word adds to the text's score. `frequency` is 1 or FREQUENCY_MAX. */
export function termScore(idf: number, frequency: number, words: number): number {
  return (idf * frequency * (K1 + 1)) / (frequency + K1 * (1 - B + (B * words) / AVERAGE_WORDS))
}

/** No word of that rarity adds more. */
export function termScoreBound(idf: number): number {
  return termScore(idf, FREQUENCY_MAX, 0)
}

/** `key` is the `idKey` of a status, which has its time in it. Statuses of the future are as new as can be. */
export function recencyOf(key: number, nowMs: number): number {
  const ageMs = Math.max(0, nowMs - EPOCH_MS - key / ID_KEY_PER_MS)
  return 1 / (1 + ageMs / RECENCY_MS)
}

/** `interactions`: favourites + 2 · boosts + replies. */
export function engagementOf(interactions: number): number {
  return interactions === 0 ? 1 : 1 + Math.log2(1 + interactions) / ENGAGEMENT_BITS
}

/** With fewer interactions the engagement is below `engagement`; rounded down. */
export function interactionsFor(engagement: number): number {
  return Math.floor(2 ** ((engagement - 1) * ENGAGEMENT_BITS)) - 1
}
