/**
 * Text → terms with their places: what the index holds of a text, and what a query looks for, by the same rules. Several
 * terms may have one place: a word, its stem, its parts.
 */
import { foldText } from './folding.ts'
import { stemOf } from './stemming.ts'
import { scanWords, WORD_UNITS_MAX, type WordKind } from './words.ts'

/** The place of a term that no phrase asks for. */
const UNPLACED = -1

/** Terms and their places, side by side; a stem has the place -1. */
export interface PlacedTerms {
  readonly terms: string[]
  readonly places: number[]
}

/** `l'oiseau`, `dell'acqua`, `o'clock`: what stands before the apostrophe is no part of the word. */
const ELISION = /^(?:[a-z]|qu|un|jusqu|lorsqu|dell|nell|sull|dall|all)'(?=.)/
const POSSESSIVE = /'s?$/

/** Adds the terms of `text` from `place` on; returns the place after the last. */
export function addTerms(text: string, language: string | null, into: PlacedTerms, place: number): number {
  const folded = foldText(text)
  let next = place
  scanWords(folded, (kind, start, end) => {
    const word = wordAt(folded, start, end)
    push(into, word, next)
    if (kind === 'word') addForms(word, language, into, next)
    next += 1
  })
  return next
}

/** A word as it is looked for; `isDense`: a pair of characters, or one. */
export interface QueryWord {
  text: string
  kind: WordKind
}

/** The words of a piece of a query, in order. Of a run of dense characters the last one alone is left out: a pair has it. */
export function queryWords(text: string): QueryWord[] {
  const folded = foldText(text)
  const words: (QueryWord & { start: number; end: number })[] = []
  scanWords(folded, (kind, start, end) => words.push({ text: wordAt(folded, start, end), kind, start, end }))
  return words
    .filter(({ kind, end }, index) => {
      const before = words[index - 1]
      return kind !== 'dense' || before?.kind !== 'dense' || before.end !== end
    })
    .map(({ text: word, kind }) => ({ text: word, kind }))
}

/** The word without what an apostrophe joins to it; itself when nothing is. */
export function bareWord(word: string): string {
  if (!word.includes("'")) return word
  const bare = word.replace(ELISION, '').replace(POSSESSIVE, '')
  return bare.replaceAll("'", '')
}

function wordAt(folded: string, start: number, end: number): string {
  return folded.slice(start, Math.min(end, start + WORD_UNITS_MAX))
}

/** What else a word is found by. */
function addForms(word: string, language: string | null, into: PlacedTerms, place: number): void {
  const bare = bareWord(word)
  if (bare !== word && bare !== '') push(into, bare, place)
  const stem = stemOf(bare, language)
  if (stem !== bare && stem.length > 2) push(into, stem, UNPLACED)
}

function push(into: PlacedTerms, term: string, place: number): void {
  into.terms.push(term)
  into.places.push(place)
}
