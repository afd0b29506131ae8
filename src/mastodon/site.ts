/** What presenting needs besides the things presented: where this server is, and texts already rendered. */
import type { AccountView, StatusView } from '../hydration/contract.ts'
import { renderField, renderHtml } from '../text/render.ts'
import type { Links } from '../text/render.ts'
import { tokenize } from '../text/tokens.ts'
import type { Urls } from './urls.ts'
import { accountUrl, tagUrl } from './urls.ts'

type StatusRecord = StatusView['status']
type AccountRecord = AccountView['account']

export interface Site {
  readonly urls: Urls
  readonly texts: Texts
}

export function site(urls: Urls): Site {
  return { urls, texts: new Texts(urls) }
}

/**
 * HTML of statuses and biographies, made once per record: records are replaced, not changed, when someone edits, so the
 * record itself is the key and nothing has to be forgotten.
 */
class Texts {
  readonly #urls: Urls
  readonly #statuses = new WeakMap<StatusRecord, string>()
  readonly #notes = new WeakMap<AccountRecord, string>()
  readonly #fields = new WeakMap<AccountRecord, string[]>()

  constructor(urls: Urls) {
    this.#urls = urls
  }

  status(status: StatusRecord, mentions: StatusView['mentions']): string {
    return remembered(this.#statuses, status, () => this.render(status.text, mentions))
  }

  /** Any text with the mentions that are to be links. */
  render(text: string, mentions: StatusView['mentions']): string {
    return renderHtml(tokenize(text), this.#links(new Map(mentions.map((one) => [key(one.username), one.username]))))
  }

  note(account: AccountRecord): string {
    return remembered(this.#notes, account, () => renderHtml(tokenize(account.note), this.#links(undefined)))
  }

  /** The values of the profile fields, in their order. */
  fields(account: AccountRecord): string[] {
    const links = this.#links(undefined)
    return remembered(this.#fields, account, () =>
      account.fields.map((field) => renderField(tokenize(field.value), links)),
    )
  }

  /** `mentioned` undefined: nobody was looked up, so mentions stay text. */
  #links(mentioned: ReadonlyMap<string, string> | undefined): Links {
    const urls = this.#urls
    return {
      mentionUrl: (name) => {
        const username = mentioned?.get(key(name))
        return username === undefined ? undefined : accountUrl(urls, username)
      },
      tagUrl: (name) => tagUrl(urls, name),
      localDomain: urls.domain,
    }
  }
}

function key(username: string): string {
  return username.toLowerCase()
}

function remembered<Key extends object, Value>(cache: WeakMap<Key, Value>, record: Key, make: () => Value): Value {
  const known = cache.get(record)
  if (known !== undefined) return known
  const made = make()
  cache.set(record, made)
  return made
}
