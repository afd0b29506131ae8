/** Holds everything that people see against the record (I1–I5, I7, I10, I11). Meant for a server at rest. */
import assert from 'node:assert/strict'

import type { CrashRecord, Person, Post } from './crash-record.ts'

export interface Findings {
  /** Acknowledged, and not to be found where it belongs. */
  lost: string[]
  doubled: string[]
  /** Deleted, taken back or never made, and yet to be seen. */
  wronglyShown: string[]
  /** Wrong order, counters, texts, answers. */
  wrong: string[]
}

interface Walk {
  what: string
  viewer: Person
  path: string
  /** An id that is not part of it any more. */
  above?: string
}

const PAGE = 40
/** Deleted statuses asked for one by one, and idempotency keys used again. */
const SAMPLE = 25

export class CrashChecks {
  readonly #url: string
  readonly #record: CrashRecord
  readonly findings: Findings = { lost: [], doubled: [], wronglyShown: [], wrong: [] }

  constructor(url: string, record: CrashRecord) {
    this.#url = url
    this.#record = record
  }

  async all(): Promise<Findings> {
    const record = this.#record
    for (const person of record.people.keys()) {
      await this.homes(person)
      const walk = { what: `profile of ${person}`, viewer: person, path: this.#profilePath(person) }
      await this.#walked(walk, record.profileOf(person))
      await this.#oneStatusAMarker(person)
      await this.#notifications(person)
      await this.#accountCounts(person)
    }
    const everyone = { what: 'public timeline', viewer: 0, path: '/api/v1/timelines/public', above: this.#beforeAll() }
    await this.#walked(everyone, record.publicIds())
    await this.#statuses()
    await this.#keysAgain()
    this.findings.wrong.push(...record.wrongAnswers)
    return this.findings
  }

  /** As it is in the cache, or built anew when it is not. */
  homes(person: Person): Promise<void> {
    const walk = { what: `home of ${person}`, viewer: person, path: '/api/v1/timelines/home' }
    return this.#walked(walk, this.#record.homeOf(person))
  }

  /** Down by max_id and up by min_id: both must give every id once, in order. */
  async #walked({ what, viewer, path, above = '0' }: Walk, expected: readonly string[]): Promise<void> {
    const down: string[] = []
    for (;;) {
      const cursor = down.length === 0 ? '' : `&max_id=${down.at(-1)}`
      const page = ids(await this.#list(viewer, `${path}?limit=${PAGE}&since_id=${above}${cursor}`))
      down.push(...page)
      if (page.length === 0) break
    }
    const up: string[] = []
    for (;;) {
      const page = ids(await this.#list(viewer, `${path}?limit=${PAGE}&min_id=${up[0] ?? above}`))
      up.unshift(...page)
      if (page.length === 0) break
    }
    this.#compare(what, down, expected)
    this.#compare(`${what}, upwards`, up, expected)
  }

  #compare(what: string, seen: readonly string[], expected: readonly string[]): void {
    const { doubled, lost, wrong, wronglyShown } = this.findings
    const seenSet = new Set(seen)
    const expectedSet = new Set(expected)
    if (seenSet.size !== seen.length) doubled.push(`${what}: ${seen.length - seenSet.size} ids twice`)
    lost.push(...expected.filter((id) => !seenSet.has(id)).map((id) => `${what}: ${this.#tell(id)}`))
    wronglyShown.push(...seen.filter((id) => !expectedSet.has(id)).map((id) => `${what}: ${this.#tell(id)}`))
    const common = seen.filter((id) => expectedSet.has(id))
    const inOrder = expected.filter((id) => seenSet.has(id))
    if (common.join() !== inOrder.join()) wrong.push(`${what} is out of order`)
  }

  /** A post that was repeated is one status, however often it was sent. */
  async #oneStatusAMarker(person: Person): Promise<void> {
    const markers = new Map<string, number>()
    let maxId = ''
    for (;;) {
      const cursor = maxId === '' ? '' : `&max_id=${maxId}`
      const page = await this.#list(person, `${this.#profilePath(person)}?limit=${PAGE}&exclude_reblogs=1${cursor}`)
      for (const status of page) {
        const marker = markerIn(status)
        markers.set(marker, (markers.get(marker) ?? 0) + 1)
      }
      maxId = ids(page).at(-1) ?? ''
      if (page.length === 0) break
    }
    for (const [marker, count] of markers) if (count > 1) this.findings.doubled.push(`${marker}: ${count} statuses`)
  }

  async #notifications(person: Person): Promise<void> {
    const told: string[] = []
    let maxId = ''
    for (;;) {
      const cursor = maxId === '' ? '' : `&max_id=${maxId}`
      const page = await this.#list(person, `/api/v1/notifications?limit=80${cursor}`)
      told.push(...page.map(notice))
      maxId = ids(page).at(-1) ?? ''
      if (page.length === 0) break
    }
    const twice = told.filter((one, index) => told.indexOf(one) !== index)
    const { doubled, lost, wronglyShown } = this.findings
    doubled.push(...twice.map((one) => `notification of ${person} twice: ${one}`))
    const expected = this.#record.notificationsOf(person)
    const seen = told.filter((one) => !one.startsWith('update '))
    lost.push(...expected.filter((one) => !seen.includes(one)).map((one) => `notification of ${person}: ${one}`))
    wronglyShown.push(
      ...seen.filter((one) => !expected.includes(one)).map((one) => `notification of ${person}: ${one}`),
    )
  }

  async #accountCounts(person: Person): Promise<void> {
    const account = await this.#json(person, `/api/v1/accounts/${this.#record.people[person]?.id}`)
    this.#compareFields(`account of ${person}`, account, this.#record.accountCountsOf(person))
  }

  async #statuses(): Promise<void> {
    const { lost, wronglyShown } = this.findings
    const living = this.#record.living()
    for (let from = 0; from < living.length; from += 20) {
      const part = living.slice(from, from + 20)
      for (const author of new Set(part.map((post) => post.author))) {
        const own = part.filter((post) => post.author === author)
        const found = await this.#list(author, `/api/v1/statuses?${own.map(({ id }) => `id[]=${id}`).join('&')}`)
        for (const post of own)
          this.#status(
            post,
            found.find((each) => each['id'] === post.id),
            lost,
          )
      }
    }
    for (const { id, author, marker } of this.#record.posts.filter((post) => post.deleted).slice(-SAMPLE)) {
      const { status } = await this.#get(author, `/api/v1/statuses/${id}`)
      if (status !== 404) wronglyShown.push(`${marker}, deleted, answers ${status}`)
    }
  }

  #status(post: Post, found: Record<string, unknown> | undefined, lost: string[]): void {
    if (found === undefined) {
      lost.push(`status ${post.marker}`)
      return
    }
    this.#compareFields(`status ${post.marker}`, found, this.#record.countsOf(post))
    const text = textOf(found)
    if (text !== post.text) this.findings.wrong.push(`status ${post.marker} says ${JSON.stringify(text)}`)
  }

  /** The key of an acknowledged post gives the same status for ever, and 404 once that was deleted. */
  async #keysAgain(): Promise<void> {
    const { doubled, wrong } = this.findings
    for (const post of this.#record.posts.slice(-SAMPLE)) {
      const response = await fetch(`${this.#url}/api/v1/statuses`, {
        method: 'POST',
        headers: { ...this.#headers(post.author), 'content-type': 'application/json', 'idempotency-key': post.marker },
        body: JSON.stringify({ status: `${post.marker} once more` }),
      })
      const body: unknown = await response.json()
      const id = typeof body === 'object' && body !== null && 'id' in body ? body.id : undefined
      if (post.deleted && response.status !== 404) doubled.push(`${post.marker} has come back as ${String(id)}`)
      if (!post.deleted && response.status === 200 && id !== post.id) doubled.push(`${post.marker}: ${String(id)}`)
      if (!post.deleted && response.status !== 200) wrong.push(`the key of ${post.marker} answers ${response.status}`)
    }
  }

  #compareFields(what: string, found: Record<string, unknown>, expected: object): void {
    for (const [name, value] of Object.entries(expected)) {
      if (found[name] !== value) this.findings.wrong.push(`${what}: ${name} is ${String(found[name])}, not ${value}`)
    }
  }

  #tell(id: string): string {
    const post = this.#record.posts.find((one) => one.id === id)
    if (post !== undefined) return `${post.marker} (${id}${post.deleted ? ', deleted' : ''})`
    const boost = this.#record.boosts().find((one) => one.id === id)
    return boost === undefined ? `unknown ${id}` : `boost ${id} of ${boost.post.marker} by ${boost.by}`
  }

  /** An id below all of this record. */
  #beforeAll(): string {
    const lowest = this.#record.posts.reduce(
      (least, { id }) => (BigInt(id) < least ? BigInt(id) : least),
      2n ** 63n - 1n,
    )
    return String(lowest - 1n)
  }

  #profilePath(person: Person): string {
    return `/api/v1/accounts/${this.#record.people[person]?.id}/statuses`
  }

  #headers(viewer: Person): Record<string, string> {
    return { authorization: `Bearer ${this.#record.people[viewer]?.token}` }
  }

  async #get(viewer: Person, path: string): Promise<{ status: number; body: unknown }> {
    const response = await fetch(this.#url + path, { headers: this.#headers(viewer) })
    return { status: response.status, body: await response.json() }
  }

  async #json(viewer: Person, path: string): Promise<Record<string, unknown>> {
    const { status, body } = await this.#get(viewer, path)
    assert.ok(status === 200 && typeof body === 'object' && body !== null, `${path}: ${status} ${JSON.stringify(body)}`)
    return { ...body }
  }

  async #list(viewer: Person, path: string): Promise<Record<string, unknown>[]> {
    const { status, body } = await this.#get(viewer, path)
    assert.ok(status === 200 && Array.isArray(body), `${path}: ${status} ${JSON.stringify(body)}`)
    return body
  }
}

/** What is found in several rounds, told together. */
export function failuresIn({ lost, doubled, wronglyShown, wrong }: Findings): string[] {
  return [
    ...lost.map((text) => `lost: ${text}`),
    ...doubled.map((text) => `doubled: ${text}`),
    ...wronglyShown.map((text) => `wrongly shown: ${text}`),
    ...wrong.map((text) => `wrong: ${text}`),
  ]
}

function ids(page: readonly Record<string, unknown>[]): string[] {
  return page.map((each) => String(each['id']))
}

function textOf(status: Record<string, unknown>): string {
  return String(status['content']).replaceAll(/<[^>]+>/g, '')
}

function markerIn(status: Record<string, unknown>): string {
  return /[\w-]+-\d+-\d+-\d+(?= as )/.exec(textOf(status))?.[0] ?? `no marker in ${String(status['id'])}`
}

function notice(notification: Record<string, unknown>): string {
  const { type, account, status } = notification
  const name = typeof account === 'object' && account !== null && 'username' in account ? account.username : '?'
  const id = typeof status === 'object' && status !== null && 'id' in status ? status.id : '-'
  return `${String(type)} ${String(name)} ${String(id)}`
}
