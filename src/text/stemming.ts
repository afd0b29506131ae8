/**
 * Light stemmers: they take off the endings of number, gender, case and the plainest forms of verbs, so that `birds` finds
 * `bird`. A word keeps its own term; its stem is another one at the same place. All work on folded words.
 *
 * English: step 1 of Porter (with `-xes` as plural), "An algorithm for suffix stripping" (1980). German, French, Spanish, Italian, Portuguese,
 * Swedish: the light and minimal stemmers of Savoy, "Light stemming approaches for the French, Portuguese, German and
 * Hungarian languages" (SAC 2006), as Lucene has them. Russian: Dolamic and Savoy, "Indexing and stemming approaches for the
 * Russian language" (2009). Arabic: light10 of Larkey, Ballesteros and Connell (2007).
 */
type Stem = (word: string) => string

const STEMMERS: Readonly<Record<string, Stem>> = {
  en: stemEnglish,
  de: stemGerman,
  fr: stemFrench,
  es: stemSpanish,
  it: stemItalian,
  pt: stemPortuguese,
  sv: stemSwedish,
  ru: stemRussian,
  ar: stemArabic,
}

const LATIN_STEMMERS = [stemEnglish, stemGerman, stemFrench, stemSpanish, stemItalian, stemPortuguese, stemSwedish]
const LATIN = /^[a-z]/
const CYRILLIC = /^[а-я]/
const ARABIC = /^[ء-ي]/

/**
 * The stem of a folded word in that language, or in the one that its script is mostly of when nobody knows; the word itself
 * where there is no stemmer, or nothing to take off.
 */
export function stemOf(word: string, language: string | null): string {
  if (word.length < 3) return word
  if (language === null) return stemByScript(word)
  return STEMMERS[language.length > 2 ? language.slice(0, 2) : language]?.(word) ?? word
}

/** What the word may have been stemmed to, in whichever language it was written; without the word itself. */
export function stemsOf(word: string, language: string | null): string[] {
  const stems = new Set<string>()
  if (language !== null) stems.add(stemOf(word, language))
  else if (LATIN.test(word)) for (const stem of LATIN_STEMMERS) stems.add(stem(word))
  else if (CYRILLIC.test(word)) stems.add(stemRussian(word))
  else if (ARABIC.test(word)) stems.add(stemArabic(word))
  stems.delete(word)
  return [...stems].filter((stem) => stem.length > 2)
}

function stemByScript(word: string): string {
  if (LATIN.test(word)) return stemEnglish(word)
  if (CYRILLIC.test(word)) return stemRussian(word)
  return ARABIC.test(word) ? stemArabic(word) : word
}

const VOWEL = /[aeiouy]/
const DOUBLED = /([bdfgmnprt])\1$/
const SHORT = /^[^aeiouy]*[aeiouy][^aeiouywx]$/

function stemEnglish(word: string): string {
  let stem = word
  if (stem.endsWith("'s")) stem = stem.slice(0, -2)
  if (stem.length < 4) return stem
  if (/(?:ss|x|z|ch|sh)es$/.test(stem)) stem = stem.slice(0, -2)
  else if (stem.endsWith('ies')) stem = stem.slice(0, -2)
  else if (stem.endsWith('s') && !stem.endsWith('ss') && !stem.endsWith('us')) stem = stem.slice(0, -1)
  if (stem.endsWith('eed')) return stem.length > 4 ? stem.slice(0, -1) : stem
  const verb = stem.endsWith('ing') ? stem.slice(0, -3) : stem.endsWith('ed') ? stem.slice(0, -2) : undefined
  if (verb !== undefined && verb.length > 1 && VOWEL.test(verb)) stem = repairedVerb(verb)
  return /[aeiouy][^aeiouy]y$|[aeiouy].*[^aeiouy]y$/.test(stem) ? `${stem.slice(0, -1)}i` : stem
}

/** `hopping` → `hop`, `hoping` → `hope`, `conflating` → `conflate`. */
function repairedVerb(verb: string): string {
  if (/(?:at|bl|iz)$/.test(verb)) return `${verb}e`
  if (DOUBLED.test(verb)) return verb.slice(0, -1)
  return SHORT.test(verb) ? `${verb}e` : verb
}

function stemGerman(word: string): string {
  const { length } = word
  if (length < 5) return word
  if (length > 6 && word.endsWith('nen')) return word.slice(0, -3)
  if (length > 5 && /(?:en|se|es|er)$/.test(word)) return word.slice(0, -2)
  return /[nesr]$/.test(word) ? word.slice(0, -1) : word
}

function stemFrench(word: string): string {
  if (word.length < 6) return word
  if (word.endsWith('x')) return word.endsWith('aux') ? `${word.slice(0, -2)}l` : word.slice(0, -1)
  const stem = word.replace(/s$/, '').replace(/r$/, '').replace(/e$/, '').replace(/e$/, '')
  return stem.at(-1) === stem.at(-2) ? stem.slice(0, -1) : stem
}

function stemSpanish(word: string): string {
  if (word.length < 5) return word
  if (/[oae]$/.test(word)) return word.slice(0, -1)
  if (word.endsWith('eses')) return word.slice(0, -2)
  if (word.endsWith('ces')) return `${word.slice(0, -3)}z`
  return /[oae]s$/.test(word) ? word.slice(0, -2) : word
}

function stemItalian(word: string): string {
  if (word.length < 6) return word
  if (/(?:[ih]e|[hi]i|ia|io)$/.test(word)) return word.slice(0, -2)
  return /[eiao]$/.test(word) ? word.slice(0, -1) : word
}

const PORTUGUESE_PLURALS: readonly [string, string][] = [
  ['oes', 'ao'],
  ['aes', 'ao'],
  ['ais', 'al'],
  ['eis', 'el'],
  ['ois', 'ol'],
  ['les', 'l'],
  ['res', 'r'],
  ['ns', 'm'],
  ['is', 'il'],
  ['s', ''],
]

function stemPortuguese(word: string): string {
  if (word.length < 4 || !word.endsWith('s')) return word
  const [ending, singular] = PORTUGUESE_PLURALS.find(([plural]) => word.endsWith(plural)) ?? ['', '']
  return word.slice(0, word.length - ending.length) + singular
}

const SWEDISH = [
  { longerThan: 7, endings: ['elser', 'heten'] },
  { longerThan: 6, endings: ['arna', 'erna', 'ande', 'else', 'aste', 'orna', 'aren'] },
  { longerThan: 5, endings: ['are', 'ast', 'het'] },
  { longerThan: 4, endings: ['ar', 'er', 'or', 'en', 'at', 'te', 'et'] },
  { longerThan: 3, endings: ['t', 'a', 'e', 'n'] },
]

function stemSwedish(word: string): string {
  return withoutEnding(word.length > 4 && word.endsWith('s') ? word.slice(0, -1) : word, SWEDISH)
}

const RUSSIAN = [
  { longerThan: 6, endings: ['иями', 'оями'] },
  { longerThan: 5, endings: 'иям иях оях ями оям оьв ами его ему ери ими ого ому ыми оев'.split(' ') },
  {
    longerThan: 4,
    endings: 'ая яя ях юю ах ею их ия ию ьв ою ую ям ых ея ам ем ей ев ий им ое ой ом ов ые ый ым ми'.split(' '),
  },
  { longerThan: 3, endings: 'а е и о у й ы я ь'.split(' ') },
]

function stemRussian(word: string): string {
  const stem = withoutEnding(word, RUSSIAN)
  if (stem.length <= 3) return stem
  return /[ьи]$/.test(stem) || stem.endsWith('нн') ? stem.slice(0, -1) : stem
}

function withoutEnding(word: string, rules: readonly { longerThan: number; endings: readonly string[] }[]): string {
  for (const { longerThan, endings } of rules) {
    if (word.length <= longerThan) continue
    const ending = endings.find((each) => word.endsWith(each))
    if (ending !== undefined) return word.slice(0, -ending.length)
  }
  return word
}

const ARABIC_PREFIXES = ['وال', 'بال', 'كال', 'فال', 'ال', 'لل', 'و']
const ARABIC_SUFFIXES = ['ها', 'ان', 'ات', 'ون', 'ين', 'يه', 'ه', 'ي']

function stemArabic(word: string): string {
  let stem = word
  const prefix = ARABIC_PREFIXES.find(
    (each) => stem.startsWith(each) && stem.length >= each.length + (each === 'و' ? 3 : 2),
  )
  if (prefix !== undefined) stem = stem.slice(prefix.length)
  for (const suffix of ARABIC_SUFFIXES) {
    if (stem.endsWith(suffix) && stem.length >= suffix.length + 2) stem = stem.slice(0, -suffix.length)
  }
  return stem
}
