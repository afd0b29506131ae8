/**
 * Tries every parameter of every route with values of every wrong kind. Which parameters a route has is learned from the
 * route itself, by watching what its handler asks for; the others are given what lets the request through, so that the
 * wrong one is really looked at.
 */
import assert from 'node:assert/strict'
import { mock } from 'node:test'

import { Params } from '../../src/edge/params.ts'
import type { RegisteredRoute } from '../../src/edge/routing.ts'
import { seededRandom, type Random } from '../../src/seed/random.ts'
import { rawCall, type RawAnswer } from './raw-http.ts'
import type { System } from './system.ts'

/** Percent-encoded, as they stand in a query or a form. */
const TEXTS = [
  '',
  "'%20or%201=1--",
  ...words('%20 %00 a%00b %ED%A0%80 %C0%80 %FF %zz %25 %5C %22 %F0%9F%98%80 a%0D%0AX-A:%201 ..%2F..%2Fetc%2Fpasswd'),
  ...words('-1 -0 0 +1 01 1e30 0x1 1.5 NaN Infinity %EF%BC%91 null undefined true __proto__ constructor toString'),
  ...words('2147483648 -2147483649 4294967296 9007199254740993 9223372036854775807 9223372036854775808'),
  ...words('18446744073709551616 2026-99-99 0001-01-01 9999-12-31T23:59:59Z 275760-09-14 javascript:alert(1)'),
  '9'.repeat(40),
  'x'.repeat(5_000),
]

/** What the same name may look like besides `name=text`. */
const SHAPES: readonly ((name: string) => string)[] = [
  (name) => `${name}=1&${name}=2`,
  (name) => `${name}[]=1&${name}[]=`,
  (name) => `${name}[]=%00`,
  (name) => `${name}[x]=1`,
  (name) => `${name}[0]=1&${name}[5]=2`,
  (name) => `${name}[][x]=1&${name}[][y]=2`,
  (name) => `${name}[__proto__][x]=1`,
  (name) => `${name}[constructor][prototype][x]=1`,
  (name) => `${name}[a][b][c][d][e][f][g]=1`,
  (name) => `${name}[=1&${name}]=2&${name}[[]]=3`,
  (name) => Array.from({ length: 150 }, (_, n) => `${name}[]=${n}`).join('&'),
  (name) => name,
]

/** JSON as it is written, since not all of it can be made from a value. */
const JSONS = [
  '" "',
  ...words('null true false 0 -1 1.5 1e30 1e999 -0 2147483648 9223372036854775808'),
  ...words(String.raw`"" "\u0000" "a\u0000b" "\ud800" "\udc00\ud800" "-1" "1e30" "9223372036854775808"`),
  ...words(String.raw`[] [[]] [null] [{}] [true,{},"1"] ["\u0000"] ["\ud800"] [1,1,1] {} {"a":{}} {"0":"a"}`),
  ...words('{"__proto__":{"x":1}} {"constructor":{"prototype":{"x":1}}} {"length":1e9} {"toString":1}'),
  ...words('{"last_read_id":"9223372036854775808"} {"last_read_id":-1} [{"name":{},"value":[]}] [{"id":{}}]'),
  JSON.stringify('x'.repeat(200_000)),
  JSON.stringify('\u{1f600}'.repeat(20_000)),
  `[${'"1",'.repeat(3_000)}"1"]`,
  `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
]

function words(text: string): string[] {
  return text.split(' ')
}

export interface Visit {
  requests: number
  parameters: number
}

/** Ids of what a route may be about. */
interface Targets {
  status: string
  filter: string
  keyword: string
  media: string
  person: string
}

export class Hostility {
  readonly #system: System
  readonly #random: Random
  readonly #valuesMax: number
  #token = ''
  #clientToken = ''
  #people = 0
  #targets: Targets | undefined
  readonly #visit: Visit = { requests: 0, parameters: 0 }

  /** `valuesMax`: of so many values each parameter is given a choice, by seed. */
  constructor(system: System, options: { seed: number; valuesMax: number }) {
    this.#system = system
    this.#random = seededRandom(options.seed)
    this.#valuesMax = options.valuesMax
  }

  async visit(routes: readonly RegisteredRoute[]): Promise<Visit> {
    this.#clientToken = await this.#system.token(null, ['read', 'write'])
    for (const route of routes) await this.#visitRoute(route)
    return this.#visit
  }

  async #visitRoute(route: RegisteredRoute): Promise<void> {
    // New people with new things: some have been deleted, and nobody may have too many.
    if (this.#targets === undefined || route.path.includes(':')) this.#targets = await this.#makeTargets(route)
    const names = await this.#parametersOf(route)
    this.#visit.parameters += names.length
    for (const name of names) {
      const rest = (wrong: string) => names.filter((other) => other !== wrong)
      for (const value of this.#some([...TEXTS.map((text) => `${name}=${text}`), ...SHAPES.map((of) => of(name))])) {
        await this.#send(route, { form: [...this.#goodForm(rest(name)), value].join('&') })
      }
      if (route.method === 'GET') continue
      for (const value of this.#some(JSONS)) {
        const good = rest(name).flatMap((other) => (other in GOOD ? [`"${other}":${JSON.stringify(GOOD[other])}`] : []))
        await this.#send(route, { json: `{${[...good, `"${name}":${value}`].join(',')}}` })
      }
    }
  }

  /** What the handler asks for, whether it is refused early or goes through. */
  async #parametersOf(route: RegisteredRoute): Promise<string[]> {
    const spy = mock.method(Params.prototype, 'raw')
    await this.#send(route, { form: '' })
    await this.#send(route, { form: this.#goodForm(Object.keys(GOOD)).join('&') })
    const asked = new Set(spy.mock.calls.map((call) => call.arguments[0]))
    spy.mock.restore()
    return [...asked].filter((name) => !route.path.includes(`:${name}`))
  }

  #goodForm(names: readonly string[]): string[] {
    return names.flatMap((name) => {
      const value = GOOD[name]
      if (value === undefined) return []
      const list = Array.isArray(value)
      return [`${name}${list ? '[]' : ''}=${encodeURIComponent(String(list ? value[0] : value))}`]
    })
  }

  #some<T>(values: readonly T[]): T[] {
    if (values.length <= this.#valuesMax) return [...values]
    return Array.from({ length: this.#valuesMax }, () => this.#random.pick(values))
  }

  async #send(route: RegisteredRoute, content: { form: string } | { json: string }): Promise<void> {
    const path = this.#pathOf(route)
    const token = route.auth === 'client' ? this.#clientToken : this.#token
    const headers: Record<string, string> = { authorization: `Bearer ${token}` }
    const text = 'form' in content ? content.form : content.json
    const inQuery = route.method === 'GET'
    if (!inQuery) headers['content-type'] = 'form' in content ? 'application/x-www-form-urlencoded' : 'application/json'
    const { url } = this.#system
    const answer = await rawCall(
      url,
      inQuery
        ? { method: route.method, path: `${path}?${text}`, headers }
        : { method: route.method, path, headers, body: text },
    )
    this.#visit.requests += 1
    expectManners(route, answer, text)
  }

  #pathOf({ path }: RegisteredRoute): string {
    if (!path.includes(':')) return path
    assert.ok(this.#targets)
    const { status, filter, keyword, media, person } = this.#targets
    const id = path.includes('/accounts/')
      ? person
      : path.includes('/media/')
        ? media
        : path.includes('/keywords/') || path.includes('/v1/filters/')
          ? keyword
          : path.includes('/filters/')
            ? filter
            : status
    return path.replaceAll(/:(\w+)/g, (_, name: string) =>
      name === 'account_id' ? person : name === 'filter_id' ? filter : id,
    )
  }

  async #makeTargets({ path: about }: RegisteredRoute): Promise<Targets> {
    this.#people += 1
    const hostile = await this.#system.person(`hostile${this.#people}`)
    const victim = await this.#system.person(`victim${this.#people}`)
    this.#token = await this.#system.token(hostile, ['read', 'write', 'follow', 'push', 'profile'])
    const post = async (path: string, body: object): Promise<string> => {
      const headers = { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' }
      const made = await rawCall(this.#system.url, { method: 'POST', path, headers, body: JSON.stringify(body) })
      assert.equal(made.status, 200, made.body)
      return made.body
    }
    const filter = await post('/api/v2/filters', GOOD)
    return {
      status: idIn(await post('/api/v1/statuses', { status: 'A target' })),
      filter: idIn(filter),
      keyword: idIn(filter, /"keywords":\[{"id":"(\d+)"/),
      media: about.includes('/media/') ? await this.#upload() : '0',
      person: victim.toString(),
    }
  }

  async #upload(): Promise<string> {
    const form = new FormData()
    form.set('file', new Blob([PNG], { type: 'image/png' }), 'a.png')
    const headers = { authorization: `Bearer ${this.#token}` }
    const response = await fetch(`${this.#system.url}/api/v2/media`, { method: 'POST', headers, body: form })
    return idIn(await response.text())
  }
}

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC',
  'base64',
)

/** What goes through, by name; lists are sent as such. */
const GOOD: Readonly<Record<string, unknown>> = {
  status: 'Good words',
  q: 'hostile',
  acct: 'hostile1',
  title: 'A title',
  context: ['home'],
  phrase: 'word',
  keyword: 'word',
  keywords_attributes: [{ keyword: 'word' }],
  comment: 'A comment',
  domain: 'elsewhere.example',
  timeline: ['home'],
  client_name: 'App',
  redirect_uris: 'https://app.example/',
  scopes: 'read',
}

function expectManners(route: RegisteredRoute, answer: RawAnswer, sent: string): void {
  const about = `${route.method} ${route.path} with ${sent.slice(0, 300)}: ${answer.status} ${answer.body.slice(0, 300)}`
  assert.ok(answer.status < 500, about)
  assert.doesNotMatch(answer.body, /\bat .+\.[jt]s:\d+|node_modules|syntax error at/, about)
  if (route.answers !== 'json') return
  assert.match(answer.type, /^application\/json/, about)
  const body: unknown = JSON.parse(answer.body)
  if (answer.status < 400) return
  assert.ok(typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string', about)
}

function idIn(json: string, pattern = /"id":"(\d+)"/): string {
  return pattern.exec(json)?.[1] ?? assert.fail(json)
}
