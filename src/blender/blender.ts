/**
 * The Blender on the parts of the index: query → candidates → views → what this viewer may find → page. The index gives ids,
 * and knows neither blocks nor what was deleted a moment ago; everything that it gives is asked of `mayFind` again.
 */
import type { Accounts } from '../accounts/contract.ts'
import { HITS_MAX, type Hit, type Lacking, type Order, type Query } from '../earlybird/contract.ts'
import { FLAG } from '../earlybird/contract.ts'
import type { StatusView } from '../hydration/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import { FIELD } from '../text/fields.ts'
import { isOfLibrary, mayFind, type Seeker } from './audience.ts'
import { compile, isOperator, namesIn, type Meaning } from './compile.ts'
import type { Blender, PartExplanation, SearchRequest, StatusesFound } from './contract.ts'
import { findHashtags, findPeople, type HashtagDeps, type PeopleDeps } from './people.ts'
import { personalHits, readPersonal, type Personal, type PersonalDeps } from './personal.ts'
import { newestFirst, scatter, type IndexPart } from './scatter.ts'
import { parseSyntax, type Syntax } from './syntax.ts'
import { tagPage, type TagDeps } from './tags.ts'

/** Rounds through the index to fill one page of which the viewer may not find everything. */
const ROUNDS_MAX = 8

export interface BlenderDeps {
  statuses: PersonalDeps['statuses'] & TagDeps['statuses'] & HashtagDeps['statuses']
  tagFollows: HashtagDeps['tagFollows']
  hydration: PersonalDeps['hydration']
  documentOf: PersonalDeps['documentOf']
  isWhole: TagDeps['isWhole']
  parts: readonly IndexPart[]
  accounts: Pick<Accounts, 'byUsernames'> & PeopleDeps['accounts']
  graph: PeopleDeps['graph']
  clock: Clock
  localDomain: string
}

export function openBlender(deps: BlenderDeps): Blender {
  return {
    statuses: (request) => searchStatuses(deps, request),
    tag: (viewer, query, page) => tagPage(deps, viewer, query, page),
    people: (request) => findPeople(deps, request),
    hashtags: (viewer, text, stretch) => findHashtags(deps, viewer, text, stretch),
  }
}

interface Ranked {
  view: StatusView
  score: number
}

async function searchStatuses(deps: BlenderDeps, request: SearchRequest): Promise<StatusesFound> {
  const { tree, notes } = parseSyntax(request.text, isOperator)
  const told = new Set(notes)
  if (tree === undefined) return { statuses: [], partial: [], notes: [...told], explain: [] }
  const meaning = await meaningOf(deps, request, tree, told)
  const { viewer } = request
  const personal = viewer === undefined || meaning.publicOnly ? undefined : await readPersonal(deps, viewer)
  const search = new Search(deps, request, meaning, personal)
  const statuses = await search.run()
  return { statuses, partial: [...search.partial], notes: [...told], explain: search.explain }
}

async function meaningOf(
  { accounts, clock, localDomain }: BlenderDeps,
  { viewer, typing, author }: SearchRequest,
  tree: Syntax,
  notes: Set<string>,
): Promise<Meaning> {
  const names = [...namesIn(tree, localDomain)]
  const found = names.length === 0 ? [] : await accounts.byUsernames(names)
  const byName = new Map(found.filter((one) => !one.suspended).map((one) => [one.username.toLowerCase(), one.id]))
  const context = { viewer, nowMs: clock.nowMs(), accounts: byName, notes, localDomain }
  const meaning = compile(typing === true ? beingTyped(tree) : tree, context)
  if (author === undefined) return meaning
  const by: Query = { kind: 'term', term: FIELD.from + author.toString() }
  return { ...meaning, query: { kind: 'and', all: [by, meaning.query] } }
}

/** The last word is the beginning of one. */
function beingTyped(tree: Syntax): Syntax {
  if (tree.kind === 'words') return tree.quoted ? tree : { ...tree, begun: true }
  if (tree.kind !== 'all') return tree
  return { kind: 'all', of: tree.of.map((part, index) => (index === tree.of.length - 1 ? beingTyped(part) : part)) }
}

/** One search, while it runs. */
class Search {
  readonly partial = new Set<Lacking | 'library'>()
  readonly explain: PartExplanation[] = []
  readonly #deps: BlenderDeps
  readonly #request: SearchRequest
  readonly #meaning: Meaning
  readonly #personal: Personal | undefined
  readonly #order: Order
  readonly #seeker: Seeker
  readonly #wanted: number

  constructor(deps: BlenderDeps, request: SearchRequest, meaning: Meaning, personal: Personal | undefined) {
    this.#deps = deps
    this.#request = request
    this.#meaning = meaning
    this.#personal = personal
    this.#order = meaning.order ?? request.order
    this.#wanted = request.offset + request.limit
    const { viewer } = request
    this.#seeker = {
      viewer,
      relationTo: (author) => (viewer === undefined ? undefined : deps.graph.relation(viewer, author)),
      library: new Set(personal?.library.map(({ id }) => id)),
    }
    if (personal?.cut === true) this.partial.add('library')
  }

  async run(): Promise<StatusView[]> {
    if (this.#wanted <= 0 || this.#request.limit <= 0) return []
    const [indexed, own] = await Promise.all([this.#indexed(), this.#own()])
    const best = indexed[0]?.score ?? 1
    const ranked = new Map<StatusId, Ranked>()
    // The index has no score for them: they stand where a middling hit would.
    for (const view of own) ranked.set(view.status.id, { view, score: best / 2 })
    for (const each of indexed) ranked.set(each.view.status.id, each)
    const sorted = [...ranked.values()].toSorted(
      (one, other) =>
        (this.#order === 'relevance' ? other.score - one.score : 0) || newestFirst(one.view.status, other.view.status),
    )
    return sorted.slice(this.#request.offset, this.#wanted).map(({ view }) => view)
  }

  /** What the index gives and the viewer may find: as much of it as the page needs. */
  async #indexed(): Promise<Ranked[]> {
    const query = indexQuery(this.#meaning, this.#request.viewer)
    const shown: Ranked[] = []
    let { maxId } = this.#request
    let offset = 0
    for (let round = 0; round < ROUNDS_MAX && shown.length < this.#wanted; round += 1) {
      const limit = Math.min(HITS_MAX - offset, Math.max(20, (this.#wanted - shown.length) * (round + 1)))
      if (limit <= 0) break
      const options = { order: this.#order, limit, offset, maxId, minId: this.#request.minId }
      const gathered = await scatter(this.#deps.parts, query, options, this.#deps.clock)
      for (const lacking of gathered.partial) this.partial.add(lacking)
      this.explain.push(...gathered.explain)
      shown.push(...(await this.#findable(gathered.hits)))
      if (gathered.hits.length < limit) break
      if (this.#order === 'newest') maxId = gathered.hits.at(-1)?.id
      else offset += limit
    }
    return shown
  }

  async #findable(hits: readonly Hit[]): Promise<Ranked[]> {
    const scores = new Map(hits.map(({ id, score }) => [id, score]))
    const views = await this.#deps.hydration.statuses([...scores.keys()], this.#request.viewer)
    return views.filter((view) => this.#mayFind(view)).map((view) => ({ view, score: scores.get(view.status.id) ?? 0 }))
  }

  /** What the index does not have, or not for the viewer. */
  async #own(): Promise<StatusView[]> {
    const { viewer, maxId, minId } = this.#request
    if (viewer === undefined || this.#personal === undefined) return []
    const { boosts, library, query } = this.#meaning
    if (boosts) return []
    const views = await personalHits(this.#deps, viewer, this.#personal, { query, whole: library })
    return views.filter(
      (view) =>
        (maxId === undefined || view.status.id < maxId) &&
        (minId === undefined || view.status.id > minId) &&
        this.#mayFind(view),
    )
  }

  #mayFind(view: StatusView): boolean {
    if (!mayFind(view, this.#seeker)) return false
    const { library, publicOnly } = this.#meaning
    if (publicOnly && !(view.status.visibility === 'public' && view.author.account.indexable)) return false
    const { viewer } = this.#seeker
    return !library || (viewer !== undefined && isOfLibrary(view, viewer, this.#seeker.library))
  }
}

/** What was asked for, of what the index may give this viewer: an optimisation, `mayFind` decides. */
function indexQuery({ query, boosts, library, publicOnly }: Meaning, viewer: AccountId | undefined): Query {
  const kind: Query = { kind: 'flags', mask: FLAG.boost, value: boosts ? FLAG.boost : 0 }
  return { kind: 'and', all: [query, kind, audienceOf(publicOnly ? undefined : viewer, library)] }
}

function audienceOf(viewer: AccountId | undefined, library: boolean): Query {
  const everyone: Query = {
    kind: 'and',
    all: [{ kind: 'consenting' }, { kind: 'flags', mask: FLAG.public, value: FLAG.public }],
  }
  if (viewer === undefined) return everyone
  const own: Query[] = [FIELD.from, FIELD.mention].map((field) => ({ kind: 'term', term: field + viewer.toString() }))
  return { kind: 'or', any: library ? own : [...own, everyone] }
}
