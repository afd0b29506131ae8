/**
 * Checks responses against the tables of the Mastodon client API, so that a journey can hold every answer to them:
 * nothing missing, nothing null that may not be, types, dates, ids as text, enums, nested entities, nothing unknown.
 */
import { type Attribute, type Endpoint, type Entity, readEndpoints, readEntities } from './schema-table.ts'

export interface CheckOptions {
  /** Whether the answer is for a person: what tells of the viewer must be there, or must not. Undefined: either. */
  viewer?: boolean
}

const entities = readEntities()
const endpoints = readEndpoints()

/** Attributes about the viewer: with one they are booleans or lists, without one they are left out. */
const ABOUT_VIEWER: Readonly<Record<string, readonly string[]>> = {
  Status: ['favourited', 'reblogged', 'muted', 'bookmarked', 'filtered'],
}

/** What we add to an entity on purpose. */
const EXTENSIONS: Readonly<Record<string, readonly string[]>> = {
  // RFC 9207: tells clients that every authorization answer names its issuer.
  'OAuth::ServerMetadata': ['authorization_response_iss_parameter_supported'],
}

/** Names the tables use for entities that have another. */
const NAMES: Readonly<Record<string, string>> = {
  Field: 'Account::Field',
  AccountRole: 'Account::Role',
  InstanceIcon: 'Instance::Icon',
}

/** What is wrong with `json` as an entity; empty when nothing. */
export function checkEntity(name: string, json: unknown, options: CheckOptions = {}): string[] {
  const problems: string[] = []
  new Checker(options, problems).entity(name, json, name)
  return problems
}

/** What is wrong with the answer of an endpoint: an error entity from 400 on, else what its row says. */
export function checkResponse(
  method: string,
  path: string,
  json: unknown,
  { status = 200, ...options }: CheckOptions & { status?: number } = {},
): string[] {
  if (status >= 400) return checkEntity('Error', json, options)
  const endpoint = findEndpoint(method, path)
  if (endpoint === undefined) return [`${method} ${path} is in no table`]
  const problems: string[] = []
  checkReturns(new Checker(options, problems), endpoint.returns, json)
  return problems.map((problem) => `${method} ${path}: ${problem}`)
}

function findEndpoint(method: string, path: string): Endpoint | undefined {
  const segments = (path.split('?', 1)[0] ?? '').replace(/\/$/, '').split('/')
  const methods = method === 'PUT' || method === 'PATCH' ? ['PUT', 'PATCH'] : [method]
  const fitting = endpoints.filter(
    (endpoint) =>
      methods.includes(endpoint.method) &&
      endpoint.segments.length === segments.length &&
      endpoint.segments.every((part, i) => part.startsWith(':') || part === segments[i]),
  )
  // `/accounts/lookup` is not an account's id.
  return fitting.toSorted((one, other) => literals(other) - literals(one))[0]
}

function literals(endpoint: Endpoint): number {
  return endpoint.segments.filter((part) => !part.startsWith(':')).length
}

/** Returns that the table describes in words. */
const IN_WORDS: readonly [words: RegExp, check: (checker: Checker, json: unknown) => void][] = [
  [/^$/, () => {}],
  [/^(HTML|String \(URL\)|XML|302|binary|JRD|NodeInfo|JSON links|Health status)/, () => {}],
  [/^Empty$/, (checker, json) => checker.hash(json, 'body')],
  [
    /^Status\. When scheduled_at/,
    (checker, json) => checker.entity(isScheduled(json) ? 'ScheduledStatus' : 'Status', json, 'body'),
  ],
  [/^Status with source text/, (checker, json) => checker.entity('Status', json, 'body')],
  [/^MediaAttachment, but without a URL/, (checker, json) => checker.entity('MediaAttachment', json, 'body')],
  [/^Hash with a single key of count/, (checker, json) => checker.entity('UnreadCount', json, 'body')],
  [/single boolean attribute merged/, (checker, json) => checker.entity('NotificationRequests::Merged', json, 'body')],
  [/associated Marker value/, (checker, json) => checker.values('Marker', json, 'body')],
  [/^Preferences by key/, (checker, json) => checker.entity('Preferences', json, 'body')],
  [/^JSON as per the above/, (checker, json) => checker.entity('OAuth::ServerMetadata', json, 'body')],
  [/^Object with source language codes/, (checker, json) => checker.hash(json, 'body')],
]

function isScheduled(json: unknown): boolean {
  return isHash(json) && 'scheduled_at' in json
}

function checkReturns(checker: Checker, returns: string, json: unknown): void {
  const described = IN_WORDS.find(([words]) => words.test(returns))
  if (described !== undefined) return described[1](checker, json)
  checker.typed(returns.replace(/^List of /, 'Array of '), json, 'body')
}

type Hash = Readonly<Record<string, unknown>>

function isHash(value: unknown): value is Hash {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Simple types by the text of the table; the rest of the type is for people. */
const SIMPLE: readonly [type: RegExp, fits: (value: unknown) => boolean, expected: string][] = [
  [/^ID\(string\)/, (value) => isText(value, /^\d+$/), 'an id as text of digits'],
  [
    /^String\(datetime\)/,
    (value) => isText(value, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    'a time with three decimals and Z',
  ],
  [/^String\(date\)/, (value) => isText(value, /^\d{4}-\d\d-\d\d$/), 'a date'],
  [/^String\(unix seconds\)/, (value) => isText(value, /^\d+$/), 'seconds as text'],
  [
    /^String\(url\)/,
    (value) => typeof value === 'string' && URL.canParse(value) && /^(https?|wss?):/.test(value),
    'an absolute URL',
  ],
  [/^String/, (value) => typeof value === 'string', 'a text'],
  [/^Boolean/, (value) => typeof value === 'boolean', 'true or false'],
  [/^Integer/, (value) => Number.isSafeInteger(value), 'a whole number'],
  [/^(Float|Number)/, (value) => Number.isFinite(value), 'a number'],
  [/^Null/, (value) => value === null, 'null'],
]

function isText(value: unknown, form: RegExp): boolean {
  return typeof value === 'string' && form.test(value)
}

class Checker {
  readonly #options: CheckOptions
  readonly #problems: string[]

  constructor(options: CheckOptions, problems: string[]) {
    this.#options = options
    this.#problems = problems
  }

  entity(name: string, json: unknown, at: string): void {
    const entity = entities.get(name)
    if (entity === undefined) return this.#fail(at, `${name} is in no table`)
    if (!isHash(json)) return this.#fail(at, `is not a ${name} but ${shown(json)}`)
    this.#attributes(entity, json, at)
    for (const key of Object.keys(json)) {
      if (!entity.has(key) && EXTENSIONS[name]?.includes(key) !== true)
        this.#fail(`${at}.${key}`, `is not an attribute of ${name}`)
    }
    if (this.#options.viewer === undefined) return
    for (const key of ABOUT_VIEWER[name] ?? []) {
      if (key in json !== this.#options.viewer) {
        this.#fail(`${at}.${key}`, this.#options.viewer ? 'is missing for a viewer' : 'is there without a viewer')
      }
    }
  }

  /** A hash whose values are all such entities. */
  values(name: string, json: unknown, at: string): void {
    if (!this.hash(json, at)) return
    for (const [key, value] of Object.entries(json)) this.entity(name, value, `${at}.${key}`)
  }

  hash(json: unknown, at: string): json is Hash {
    if (!isHash(json)) this.#fail(at, `is not an object but ${shown(json)}`)
    return isHash(json)
  }

  /** A value of a type in the table's words. */
  typed(type: string, value: unknown, at: string, children?: Map<string, Attribute>): void {
    const element = elementType(type)
    if (element !== undefined) {
      if (!Array.isArray(value)) return this.#fail(at, `is not an array but ${shown(value)}`)
      for (const [i, item] of value.entries()) this.typed(element, item, `${at}[${i}]`, children)
      return
    }
    if (type.startsWith('Enum')) return this.#enum(type, value, at)
    if (type === 'Hash') {
      if (this.hash(value, at)) this.#attributes(children ?? new Map(), value, at)
      return
    }
    const simple = SIMPLE.find(([form]) => form.test(type))
    if (simple === undefined) return this.#oneOf(type, value, at)
    if (!simple[1](value)) this.#fail(at, `is not ${simple[2]} but ${shown(value)}`)
  }

  #attributes(attributes: Entity, json: Hash, at: string): void {
    for (const [name, attribute] of attributes) {
      const value = Object.hasOwn(json, name) ? json[name] : undefined
      if (value === undefined) {
        if (!attribute.optional) this.#fail(`${at}.${name}`, 'is missing')
      } else if (value === null) {
        if (!attribute.nullable) this.#fail(`${at}.${name}`, 'is null')
      } else {
        this.typed(attribute.type, value, `${at}.${name}`, attribute.children)
      }
    }
  }

  #enum(type: string, value: unknown, at: string): void {
    const choices = /\{(.*)\}/.exec(type)?.[1]?.split('|') ?? []
    if (typeof value !== 'string' || !choices.includes(value))
      this.#fail(at, `is none of ${choices.join(', ')} but ${shown(value)}`)
  }

  /** `Quote, ShallowQuote`: the first that fits. */
  #oneOf(type: string, value: unknown, at: string): void {
    const names = type.split(/, | or /).map((name) => NAMES[name] ?? name)
    const [first = type, ...others] = names
    const fits = others.some((name) => checkEntity(name, value, this.#options).length === 0)
    if (!fits) this.entity(first, value, at)
  }

  #fail(at: string, problem: string): void {
    this.#problems.push(`${at} ${problem}`)
  }
}

/** The type of the elements of an array; undefined for anything else. */
function elementType(type: string): string | undefined {
  if (type.startsWith('Array<Enum>')) return type.replace('Array<Enum>', 'Enum')
  return /^Array of (.*)$/.exec(type)?.[1]?.replace(/^Strings/, 'String')
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 60)
}
