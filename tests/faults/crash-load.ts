/**
 * Several clients that write and read over HTTP, each by its own seed, whatever happens to the server. A client that gets
 * no answer, or 503, does what a good client does: it repeats the act, with the same idempotency key, until it knows.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

import { seededRandom, type Random } from '../../src/seed/random.ts'
import type { CrashRecord, Person, Post } from './crash-record.ts'

/** A server that is away longer than this is not coming back. */
const OUTAGE_MS_MAX = 90_000
const ANSWER_MS_MAX = 20_000
const REPEAT_MS = 50
/** Only the first of them boosts, favourites and follows; each deletes and edits what it wrote itself. */
const CLIENTS_A_PERSON = 3
/** Between two acts of a client, at most. */
const PAUSE_MS_MAX = 5

export interface LoadTarget {
  /** Where the server is, or will be again. */
  url: string
}

export class Load implements Disposable {
  readonly #clients: LoadClient[]
  readonly #running = new AbortController()
  readonly #abandoned = new AbortController()
  readonly #ended: Promise<unknown>

  constructor(target: LoadTarget, record: CrashRecord, seed: number, name: string) {
    const abandoned = this.#abandoned.signal
    this.#clients = [...record.people.keys()].flatMap((person) =>
      Array.from({ length: CLIENTS_A_PERSON }, (_, client) => {
        const random = seededRandom(seed * 31 + person * CLIENTS_A_PERSON + client)
        return new LoadClient({ target, record, person, client, name, random, abandoned })
      }),
    )
    this.#ended = Promise.all(this.#clients.map((client) => client.run(this.#running.signal)))
    this.#ended.catch(() => {}) // told by `stop`
  }

  /** Milliseconds since `performance.timeOrigin` of the last write that was acknowledged. */
  get lastAcknowledgedMs(): number {
    return Math.max(...this.#clients.map((client) => client.lastAcknowledgedMs))
  }

  /** After a failure: the server may never come back. */
  [Symbol.dispose](): void {
    this.#running.abort()
    this.#abandoned.abort()
  }

  /** No further acts; resolves when each client knows what became of its last one. */
  async stop(): Promise<void> {
    this.#running.abort()
    await this.#ended
  }
}

interface ClientDeps {
  readonly target: LoadTarget
  readonly record: CrashRecord
  readonly person: Person
  /** Which one of the person's. */
  readonly client: number
  readonly name: string
  readonly random: Random
  readonly abandoned: AbortSignal
}

interface Certain {
  status: number
  body: Record<string, unknown>
  /** Whether earlier attempts had no certain answer. */
  repeated: boolean
}

class LoadClient {
  readonly #deps: ClientDeps
  #acts = 0
  lastAcknowledgedMs = 0

  constructor(deps: ClientDeps) {
    this.#deps = deps
  }

  async run(stopped: AbortSignal): Promise<void> {
    const { random } = this.#deps
    while (!stopped.aborted) {
      await this.#act()
      await sleep(random.below(PAUSE_MS_MAX))
    }
  }

  async #act(): Promise<void> {
    const first = this.#deps.client === 0 ? 1 : 0
    const choices: [weight: number, act: () => Promise<void>][] = [
      [8, () => this.#post(undefined)],
      [4, () => this.#reply()],
      [3, () => this.#delete()],
      [2, () => this.#edit()],
      [4, () => this.#readHome()],
      [6 * first, () => this.#boost()],
      [2 * first, () => this.#unboost()],
      [6 * first, () => this.#favourite(true)],
      [2 * first, () => this.#favourite(false)],
      [4 * first, () => this.#follow(true)],
      [2 * first, () => this.#follow(false)],
    ]
    let at = this.#deps.random.below(choices.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, act] of choices) {
      at -= weight
      if (at < 0) return act()
    }
  }

  async #post(parent: Post | undefined): Promise<void> {
    const { client, name, person, random, record } = this.#deps
    const marker = `${name}-${person}-${client}-${(this.#acts += 1)}`
    const visibility = random.pick(['public', 'public', 'unlisted', 'private'] as const)
    const addressee = parent === undefined || parent.author === person ? undefined : record.people[parent.author]
    const text = `${addressee === undefined ? '' : `@${addressee.name} `}${marker} as it was written`
    const { status, body } = await this.#certain('POST', '/api/v1/statuses', {
      body: { status: text, visibility, ...(parent && { in_reply_to_id: parent.id }) },
      key: marker,
    })
    if (parent !== undefined && status === 404) return // deleted meanwhile
    this.#expect(status, 200, body)
    const mentions = parent === undefined || parent.author === person ? [] : [parent.author]
    record.posts.push({
      marker,
      author: person,
      visibility,
      parent,
      repliedTo: parent === undefined ? undefined : repliedTo(parent, person),
      mentions,
      id: String(body['id']),
      text,
      deleted: false,
    })
  }

  async #reply(): Promise<void> {
    const parent = this.#someone()
    if (parent !== undefined) await this.#post(parent)
  }

  async #boost(): Promise<void> {
    const { person, record } = this.#deps
    const post = this.#someone()
    if (post === undefined) return
    const { status, body } = await this.#certain('POST', `/api/v1/statuses/${post.id}/reblog`)
    if (status === 404) return
    this.#expect(status, 200, body)
    record.addBoost({ by: person, post, id: String(body['id']) })
  }

  async #unboost(): Promise<void> {
    const { person, random, record } = this.#deps
    const own = record.boosts().filter(({ by }) => by === person)
    if (own.length === 0) return
    const { post } = random.pick(own)
    const { status, body } = await this.#certain('POST', `/api/v1/statuses/${post.id}/unreblog`)
    if (status !== 404) this.#expect(status, 200, body)
    record.removeBoost(person, post)
  }

  async #favourite(on: boolean): Promise<void> {
    const { person, record } = this.#deps
    const post = this.#someone()
    if (post === undefined) return
    const verb = on ? 'favourite' : 'unfavourite'
    const { status, body } = await this.#certain('POST', `/api/v1/statuses/${post.id}/${verb}`)
    if (status === 404) return
    this.#expect(status, 200, body)
    record.setFavourite(person, post, on)
  }

  async #delete(): Promise<void> {
    const post = this.#own()
    if (post === undefined) return
    const { status, body, repeated } = await this.#certain('DELETE', `/api/v1/statuses/${post.id}`)
    // Gone already, if an attempt without an answer has done it.
    if (!(repeated && status === 404)) this.#expect(status, 200, body)
    post.deleted = true
  }

  async #edit(): Promise<void> {
    const post = this.#own()
    if (post === undefined) return
    const text = `${post.text.replace(/ as .*/, '')} as it was edited ${(this.#acts += 1)}`
    const { status, body } = await this.#certain('PUT', `/api/v1/statuses/${post.id}`, { body: { status: text } })
    this.#expect(status, 200, body)
    post.text = text
  }

  async #follow(on: boolean): Promise<void> {
    const { person, random, record } = this.#deps
    const target = random.pick([...record.people.keys()].filter((other) => other !== person))
    const path = `/api/v1/accounts/${record.people[target]?.id}/${on ? 'follow' : 'unfollow'}`
    const { status, body } = await this.#certain('POST', path)
    this.#expect(status, 200, body)
    if (body['following'] !== on) this.#wrong(`${path} left following at ${String(body['following'])}`)
    record.setFollow(person, target, on)
  }

  /** Keeps timelines present, so that fan-out and rebuilding meet. Order and uniqueness hold at every moment. */
  async #readHome(): Promise<void> {
    const answer = await this.#attempt('GET', '/api/v1/timelines/home?limit=40')
    if (answer === undefined || !Array.isArray(answer.json)) return
    const ids = answer.json.map((status: { id: string }) => BigInt(status.id))
    const isDescending = ids.every((id, index) => index === 0 || id < (ids[index - 1] ?? 0n))
    if (!isDescending) this.#wrong(`a home out of order: ${ids.join(' ')}`)
  }

  /** A status that everybody may see. */
  #someone(): Post | undefined {
    const { random, record } = this.#deps
    const open = record.posts.slice(-40).filter((post) => !post.deleted && post.visibility !== 'private')
    return open.length === 0 ? undefined : random.pick(open)
  }

  #own(): Post | undefined {
    const { client, person, random, record } = this.#deps
    // At its end: earlier numbers of a marker name the crash point.
    const isOwn = new RegExp(`-${person}-${client}-\\d+$`)
    const own = record.posts.filter(({ marker, deleted }) => !deleted && isOwn.test(marker))
    return own.length === 0 ? undefined : random.pick(own)
  }

  /** Repeats the act until it is certain what became of it. */
  async #certain(method: string, path: string, sent: { body?: object; key?: string } = {}): Promise<Certain> {
    const { counts } = this.#deps.record
    counts.operations += 1
    const deadlineMs = performance.now() + OUTAGE_MS_MAX
    for (let repeated = false; ; repeated = true) {
      const answer = await this.#attempt(method, path, sent)
      if (answer !== undefined) {
        if (answer.status < 300) {
          counts.acknowledged += 1
          this.lastAcknowledgedMs = performance.now()
        } else counts.refused += 1
        return { status: answer.status, body: fields(answer.json), repeated }
      }
      if (!repeated) counts.uncertain += 1
      this.#deps.abandoned.throwIfAborted()
      assert.ok(performance.now() < deadlineMs, `no answer to ${method} ${path} for ${OUTAGE_MS_MAX} ms`)
      await sleep(REPEAT_MS)
    }
  }

  /** Undefined: it may have happened or not. */
  async #attempt(
    method: string,
    path: string,
    { body, key }: { body?: object; key?: string } = {},
  ): Promise<{ status: number; json: unknown } | undefined> {
    const { person, record, target } = this.#deps
    try {
      const response = await fetch(target.url + path, {
        method,
        headers: {
          authorization: `Bearer ${record.people[person]?.token}`,
          ...(body && { 'content-type': 'application/json' }),
          ...(key && { 'idempotency-key': key }),
        },
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      })
      const text = await response.text()
      if (response.status === 503) {
        if (!response.headers.has('retry-after')) this.#wrong(`a 503 without Retry-After: ${text}`)
        return undefined
      }
      if (response.status >= 500) this.#wrong(`${method} ${path}: ${response.status} ${text}`)
      return { status: response.status, json: JSON.parse(text) }
    } catch {
      return undefined
    }
  }

  #expect(status: number, expected: number, body: object): void {
    if (status !== expected) this.#wrong(`${status} instead of ${expected}: ${JSON.stringify(body).slice(0, 300)}`)
  }

  #wrong(text: string): void {
    this.#deps.record.wrongAnswers.push(text)
  }
}

function repliedTo(parent: Post, author: Person): Person {
  return (parent.author === author ? parent.repliedTo : undefined) ?? parent.author
}

function fields(json: unknown): Record<string, unknown> {
  return typeof json === 'object' && json !== null ? { ...json } : {}
}
