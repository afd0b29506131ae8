/**
 * A tree → a query of the index, with what its operators mean. Words are looked for by all forms they may have in the index;
 * what an operator does not understand is told in a note and searched for as words.
 */
import { FLAG, type Query } from '../earlybird/contract.ts'
import { firstIdAt, type AccountId, type StatusId } from '../snowflake/contract.ts'
import { bareWord, queryWords, type QueryWord } from '../text/analysis.ts'
import { parseHashtag } from '../text/entities.ts'
import { FIELD, hostOf } from '../text/fields.ts'
import { languageOf } from '../text/language.ts'
import { stemsOf } from '../text/stemming.ts'
import { agoMs, timeSpan } from './dates.ts'
import type { Syntax } from './syntax.ts'

/** Finds nothing: no account has this id. */
const NOTHING: Query = { kind: 'term', term: `${FIELD.from}0` }
const HAS = new Set(['media', 'image', 'video', 'audio', 'poll', 'link'])
const HAS_ALIASES: Readonly<Record<string, string>> = {
  images: 'image',
  videos: 'video',
  polls: 'poll',
  links: 'link',
  embed: 'link',
}
const STEM_FORMS_MAX = 4
/** Words of a phrase; pairs of characters count as words. */
const PHRASE_WORDS_MAX = 48

const OPERATORS = new Set(
  (
    'from to mentions mention tag has is lang language url link before after until since during in near within order sort ' +
    'min_favourites min_favorites min_faves min_favs min_boosts min_reblogs min_replies'
  ).split(' '),
)

/** Whether a word before a colon means something. */
export function isOperator(name: string): boolean {
  return OPERATORS.has(name)
}

export interface Meaning {
  /** Of what was asked for alone: who may find it is another matter. */
  query: Query
  /** `in:library`: only what the viewer wrote, marked, or is mentioned in. */
  library: boolean
  /** `in:public`: only what everyone finds. */
  publicOnly: boolean
  /** Boosts were asked for; otherwise they are no hits. */
  boosts: boolean
  order: 'newest' | 'relevance' | undefined
}

export interface CompileContext {
  viewer: AccountId | undefined
  nowMs: number
  /** Of names in lower case. */
  accounts: ReadonlyMap<string, AccountId>
  notes: Set<string>
}

/** The names of accounts that operators mention: lower case, without the sign and this server's domain. */
export function namesIn(tree: Syntax, localDomain: string): Set<string> {
  const names = new Set<string>()
  const visit = (node: Syntax): void => {
    if (node.kind === 'all' || node.kind === 'any') node.of.forEach(visit)
    else if (node.kind === 'not') visit(node.of)
    else if (node.kind === 'operator' && ['from', 'to', 'mention', 'mentions'].includes(node.name)) {
      names.add(accountName(node.value, localDomain))
    }
  }
  visit(tree)
  return names
}

/** As `names` has it; a name elsewhere keeps its domain, and is nobody. */
function accountName(value: string, localDomain: string): string {
  const name = value.replace(/^[@＠]/u, '').toLowerCase()
  const domain = localDomain.toLowerCase()
  if (name.endsWith(`@${domain}`)) return name.slice(0, -domain.length - 1)
  const host = domain.replace(/:\d+$/, '')
  return name.endsWith(`@${host}`) ? name.slice(0, -host.length - 1) : name
}

export function compile(tree: Syntax, context: CompileContext & { localDomain: string }): Meaning {
  const compiler = new Compiler(context)
  const query = compiler.query(tree, true) ?? { kind: 'all' }
  const { library, publicOnly, boosts, order } = compiler
  return { query, library, publicOnly, boosts, order }
}

class Compiler {
  library = false
  publicOnly = false
  boosts = false
  order: Meaning['order']
  readonly #context: CompileContext & { localDomain: string }
  #language: string | null = null

  constructor(context: CompileContext & { localDomain: string }) {
    this.#context = context
  }

  /** Undefined: no condition. `isTop`: it holds for every hit, so that it may name what the index does not know. */
  query(node: Syntax, isTop: boolean): Query | undefined {
    switch (node.kind) {
      case 'all': {
        if (isTop) this.#language = languageIn(node.of)
        return and(node.of.flatMap((part) => this.query(part, isTop) ?? []))
      }
      case 'any': {
        const any = node.of.map((part) => this.query(part, false))
        // One alternative without a condition is none at all.
        return any.includes(undefined) ? undefined : { kind: 'or', any: any.flatMap((part) => part ?? []) }
      }
      case 'not': {
        const none = this.query(node.of, false)
        return none === undefined ? undefined : { kind: 'not', none }
      }
      case 'words':
        return this.#words(node)
      case 'operator':
        return this.#operator(node, isTop)
    }
  }

  #words({ text, quoted, begun }: { text: string; quoted: boolean; begun: boolean }): Query | undefined {
    const words = queryWords(text)
    const [first] = words
    if (first === undefined) return undefined
    if (words.length > PHRASE_WORDS_MAX)
      this.#note(`Only the first ${PHRASE_WORDS_MAX} words of a phrase were looked for.`)
    if (words.length > 1) return { kind: 'phrase', terms: words.slice(0, PHRASE_WORDS_MAX).map((word) => word.text) }
    return this.#word(first, quoted, begun)
  }

  #word({ text, kind }: QueryWord, quoted: boolean, begun: boolean): Query {
    // A single character of a dense script begins the pair it is in.
    const isOneDense = kind === 'dense' && [...text].length === 1
    if (begun || isOneDense) return { kind: 'prefix', prefix: text }
    if (quoted || kind !== 'word') return { kind: 'term', term: text }
    const bare = bareWord(text)
    const plain = bare === '' ? text : bare
    const forms = [plain, ...stemsOf(plain, this.#language).slice(0, STEM_FORMS_MAX)]
    const any = forms.map((term): Query => ({ kind: 'term', term }))
    return any.length === 1 ? { kind: 'term', term: plain } : { kind: 'or', any }
  }

  #operator({ name, value }: { name: string; value: string }, isTop: boolean): Query | undefined {
    switch (name) {
      case 'tag':
        return this.#tag(value)
      case 'from':
        return this.#person(FIELD.from, value)
      case 'to':
        return this.#person(FIELD.to, value)
      case 'mention':
      case 'mentions':
        return this.#person(FIELD.mention, value)
      case 'has':
        return this.#has(value)
      case 'is':
        return this.#is(value)
      case 'lang':
      case 'language':
        return this.#spoken(value)
      case 'url':
      case 'link':
        return this.#url(value)
      case 'in':
        return this.#in(value, isTop)
      case 'order':
      case 'sort':
        return this.#sorted(value)
      case 'near':
      case 'within':
        this.#note(`${name}: was passed over, because statuses on this server have no place.`)
        return undefined
      default:
        return name.startsWith('min_') ? this.#atLeast(name, value) : this.#time(name, value)
    }
  }

  #tag(value: string): Query | undefined {
    const tag = parseHashtag(value)
    if (tag !== undefined && tag !== '') return { kind: 'term', term: FIELD.tag + tag }
    return this.#asWords('#', value)
  }

  #person(field: string, value: string): Query {
    const { viewer, accounts, localDomain } = this.#context
    const name = accountName(value, localDomain)
    const id = name === 'me' && viewer !== undefined ? viewer : accounts.get(name)
    if (id !== undefined) return { kind: 'term', term: field + id.toString() }
    this.#note(`Nobody here is called ${name}.`)
    return NOTHING
  }

  #has(value: string): Query | undefined {
    const what = value.toLowerCase()
    const known = HAS_ALIASES[what] ?? what
    return HAS.has(known) ? { kind: 'term', term: FIELD.has + known } : this.#asWords('has:', value)
  }

  #is(value: string): Query | undefined {
    switch (value.toLowerCase()) {
      case 'reply':
        return { kind: 'flags', mask: FLAG.reply, value: FLAG.reply }
      case 'sensitive':
        return { kind: 'flags', mask: FLAG.sensitive, value: FLAG.sensitive }
      case 'edited':
        return { kind: 'flags', mask: FLAG.edited, value: FLAG.edited }
      case 'boost':
      case 'reblog':
        this.boosts = true
        return { kind: 'term', term: FIELD.isBoost }
      default:
        return this.#asWords('is:', value)
    }
  }

  #spoken(value: string): Query | undefined {
    const language = languageOf(value)
    if (language === null) return this.#asWords('lang:', value)
    return { kind: 'term', term: FIELD.language + (language.split('-')[0] ?? '') }
  }

  #url(value: string): Query | undefined {
    const host = hostOf(value).replace(/^www\./, '')
    return host === '' ? this.#asWords('url:', value) : { kind: 'term', term: FIELD.url + host }
  }

  #in(value: string, isTop: boolean): Query | undefined {
    const where = value.toLowerCase()
    if (where === 'all') return undefined
    if (where !== 'library' && where !== 'public') return this.#asWords('in:', value)
    if (!isTop) this.#note(`in:${where} holds for the whole query, wherever it stands.`)
    if (where === 'library') this.library = true
    else this.publicOnly = true
    return undefined
  }

  #sorted(value: string): undefined {
    const order = value.toLowerCase()
    if (/^(?:relevan|top|best)/.test(order)) this.order = 'relevance'
    else if (/^(?:new|latest|recent)/.test(order)) this.order = 'newest'
    else this.#note('order: is either newest or relevance.')
    return undefined
  }

  #atLeast(name: string, value: string): Query | undefined {
    const count = name.startsWith('min_fav') ? 'favourites' : name === 'min_replies' ? 'replies' : 'boosts'
    if (!/^\d{1,9}$/.test(value)) return this.#asWords(`${name}:`, value)
    return { kind: 'atLeast', count, value: Number(value) }
  }

  #time(name: string, value: string): Query | undefined {
    const { nowMs } = this.#context
    const ago = agoMs(value, nowMs)
    const span = ago === undefined ? timeSpan(value, nowMs) : { startMs: ago, endMs: ago }
    if (span === undefined) return this.#asWords(`${name}:`, value)
    const at = (ms: number) => firstIdAt(ms) as StatusId // a cursor, not a status
    switch (name) {
      case 'before':
      case 'until':
        return { kind: 'ids', from: undefined, until: at(span.startMs) }
      case 'during':
        return { kind: 'ids', from: at(span.startMs), until: ago === undefined ? at(span.endMs) : undefined }
      case 'since':
        return { kind: 'ids', from: at(span.startMs), until: undefined }
      default:
        return { kind: 'ids', from: at(span.endMs), until: undefined }
    }
  }

  #asWords(operator: string, value: string): Query | undefined {
    this.#note(`${operator}${value.slice(0, 40)} is nothing that ${operator} knows, so it was searched for as words.`)
    return this.#words({ text: value, quoted: false, begun: false })
  }

  #note(text: string): void {
    this.#context.notes.add(text)
  }
}

/** The language that the query is about, so that its words are looked for by the stems of that language alone. */
function languageIn(parts: readonly Syntax[]): string | null {
  const named = parts.flatMap((part) =>
    part.kind === 'operator' && (part.name === 'lang' || part.name === 'language') ? [part.value] : [],
  )
  return named[0] === undefined ? null : languageOf(named[0])
}

function and(all: readonly Query[]): Query | undefined {
  const [first] = all
  return all.length < 2 ? first : { kind: 'and', all }
}
