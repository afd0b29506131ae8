/** A person at a browser without JavaScript: keeps cookies, fills in forms, follows redirects within the server by hand. */
import assert from 'node:assert/strict'

export interface Seen {
  status: number
  html: string
  location: string | null
  headers: Headers
}

export class Visitor {
  readonly base: string
  readonly #cookies = new Map<string, string>()

  constructor(base: string) {
    this.base = base
  }

  async get(path: string): Promise<Seen> {
    return this.#send(path, {})
  }

  /** Fills in the form of `html` whose action is `action`: hidden fields are kept, `fields` are typed in. */
  async submit(html: string, action: string, fields: Record<string, string>): Promise<Seen> {
    const form = formsOf(html).find((each) => each.action.split('?')[0] === action)
    assert.ok(form, `no form for ${action} on the page: ${html.slice(0, 400)}`)
    const body = new URLSearchParams({ ...form.hidden, ...fields })
    return this.#send(form.action, { method: 'POST', body, headers: { origin: this.base } })
  }

  async #send(path: string, init: RequestInit): Promise<Seen> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = new Headers(init.headers)
    if (cookie !== '') headers.set('cookie', cookie)
    const response = await fetch(new URL(path, this.base), { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    const { status, headers: answered } = response
    return { status, html: await response.text(), location: answered.get('location'), headers: answered }
  }

  #keep(line: string): void {
    const pair = line.split(';')[0] ?? ''
    const at = pair.indexOf('=')
    const value = pair.slice(at + 1)
    if (value === '' || /max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(pair.slice(0, at))
    else this.#cookies.set(pair.slice(0, at), value)
  }
}

function formsOf(html: string): { action: string; hidden: Record<string, string> }[] {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, attributes = '', inside = '']) => ({
    action: attributeOf(attributes, 'action') ?? '',
    hidden: Object.fromEntries(
      [...inside.matchAll(/<input\b([^>]*)>/g)]
        .map(([, input = '']) => input)
        .filter((input) => attributeOf(input, 'type') === 'hidden')
        .map((input) => [attributeOf(input, 'name') ?? '', attributeOf(input, 'value') ?? '']),
    ),
  }))
}

function attributeOf(attributes: string, name: string): string | undefined {
  const found = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1]
  return found
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
