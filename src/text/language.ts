/** Which language a text is in, and which codes name a language. */
import { createRequire } from 'node:module'

import type * as Tinyld from 'tinyld'

import type { Token } from './tokens.ts'

/** ISO 639-1 and the three-letter codes Mastodon offers beside them. */
const CODES_639_1 =
  'aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es ' +
  'et eu fa ff fi fj fo fr fy ga gd gl gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk ' +
  'kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny ' +
  'oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sn so sq sr ss st su sv sw ta te tg th ti tk tl ' +
  'tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu'
const CODES_639_3 = 'ast chr ckb cnr csb gsw jbo kab kmr ldn lfn mai moh nds pdc sco sma smj szl tok vai xal zba zgh'
/** Written so differently that readers set them apart. */
const REGIONAL_CODES = 'zh-CN zh-HK zh-TW pt-BR pt-PT'

const LANGUAGES: ReadonlySet<string> = new Set(`${CODES_639_1} ${CODES_639_3} ${REGIONAL_CODES}`.split(' '))
const TAG = /^([a-z]{2,3})(?:[_-][a-z0-9]{2,8}){0,3}$/i

/** Detected by three letters or less of evidence, or spoken by nobody who posts. */
const UNDETECTED = new Set(['tlh', 'vo', 'rn'])
/** Letters a text needs: fewer in scripts that write a word with two. */
const LETTERS_MIN = 10
const DENSE_LETTERS_MIN = 3
const LETTERS_EXAMINED_MAX = 2000
const ACCURACY_MIN = 0.2
/** The best guess must be so many times better than the next. */
const LEAD_MIN = 1.5

const DENSE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/gu

/** A code as `languageOf` returns it. */
export function isLanguage(code: string): boolean {
  return LANGUAGES.has(code)
}

/** The language a tag such as `de`, `en-GB` or `zh_TW` names, in the form we keep; null when it names none. */
export function languageOf(tag: string): string | null {
  const primary = TAG.exec(tag)?.[1]?.toLowerCase()
  if (primary === undefined) return null
  const regional = `${primary}-${tag.slice(primary.length + 1).toUpperCase()}`
  if (LANGUAGES.has(regional)) return regional
  return LANGUAGES.has(primary) ? primary : null
}

/** Every language to choose from, with its English name. */
export function allLanguages(): { code: string; name: string }[] {
  const names = new Intl.DisplayNames(['en'], { type: 'language' })
  return [...LANGUAGES].map((code) => ({ code, name: names.of(code) ?? code }))
}

/** The language of what was written, apart from names, tags and links; null unless it is quite clear. */
export function detectLanguage(tokens: readonly Token[]): string | null {
  const words = tokens
    .filter((token) => token.type === 'text')
    .map((token) => token.text)
    .join(' ')
    .slice(0, LETTERS_EXAMINED_MAX)
  const letters = words.match(/\p{L}/gu)?.length ?? 0
  const dense = words.match(DENSE)?.length ?? 0
  if (letters < LETTERS_MIN && dense < DENSE_LETTERS_MIN) return null
  const [best, next] = detector()
    .detectAll(words)
    .filter(({ lang }) => !UNDETECTED.has(lang))
  if (best === undefined || best.accuracy < ACCURACY_MIN) return null
  if (next !== undefined && best.accuracy < next.accuracy * LEAD_MIN) return null
  return languageOf(best.lang)
}

/** Loaded with the first text: its tables take 50 MB in every thread, which a server at rest does not need. */
function detector(): typeof Tinyld {
  return requireModule('tinyld')
}

const requireModule: (name: 'tinyld') => typeof Tinyld = createRequire(import.meta.url)
