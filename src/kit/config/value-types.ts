/** What a key's text may be, and what it becomes. A parser throws `ValueError` with what it expected. */
import { BlockList, isIP } from 'node:net'

import { ValueError, type ValueType } from './value-type.ts'

export function integer(least: number, most: number): ValueType<number> {
  const expected = `a whole number from ${least} to ${most}`
  return {
    expected,
    parse: (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
      if (!(value >= least && value <= most)) throw new ValueError(expected)
      return value
    },
  }
}

/** Mastodon takes only `true`; people write the others, too, and mean something by them. */
export const yesOrNo: ValueType<boolean> = {
  expected: 'true or false',
  parse: (text) => {
    const word = text.toLowerCase()
    if (['true', 'on', 'yes', '1'].includes(word)) return true
    if (['false', 'off', 'no', '0', ''].includes(word)) return false
    throw new ValueError('true or false')
  },
}

export function oneOf<const Word extends string>(words: readonly Word[]): ValueType<Word> {
  const expected = words.length === 1 ? `${words[0]}` : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  return {
    expected,
    parse: (text) => {
      const word = words.find((candidate) => candidate === text.toLowerCase())
      if (word === undefined) throw new ValueError(expected)
      return word
    },
  }
}

/** Text on one line, at most so many characters. */
export function line(charactersMax: number): ValueType<string> {
  const expected = `a line of at most ${charactersMax} characters`
  return {
    expected,
    parse: (text) => {
      // Other control characters have no place in a name either, and would end up in headers and logs.
      if (text.length > charactersMax || /\p{Cc}/u.test(text)) throw new ValueError(expected)
      return text
    },
  }
}

export const path: ValueType<string> = {
  expected: 'a path',
  parse: (text) => {
    if (text === '' || text.includes('\0')) throw new ValueError('a path')
    return text
  },
}

const DOMAIN_LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/
const DOMAIN_CHARACTERS_MAX = 253

/** A host name or address, with a port when it is not the usual one: `dunlin.example`, `localhost:3000`, `[::1]:3000`. */
export const domain: ValueType<string> = {
  expected: 'a domain, as dunlin.example or localhost:3000, without https://',
  parse: (text) => {
    const lower = text.toLowerCase()
    const [, host = '', port = '80'] = /^(\[[0-9a-f:.]+\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(lower) ?? []
    const isAddress = isIP(host.replace(/^\[|\]$/g, '')) !== 0
    const isName = host.length <= DOMAIN_CHARACTERS_MAX && host.split('.').every((label) => DOMAIN_LABEL.test(label))
    if ((!isAddress && !isName) || Number(port) > 65_535) throw new ValueError(domain.expected)
    return lower
  },
}

export const email: ValueType<string> = {
  expected: 'an e-mail address',
  parse: (text) => {
    if (text.length > 320 || !/^[^\s@,%"<>]+@[^\s@,%"<>]+$/.test(text)) throw new ValueError(email.expected)
    return text
  },
}

/**
 * A URL of one of `protocols`. Its rest is left to who uses it: `postgres://dunlin@/dunlin?host=/run/postgresql` is
 * good for PostgreSQL, and no URL to a browser.
 */
export function url(protocols: readonly string[]): ValueType<string> {
  const beginnings = protocols.map((protocol) => `${protocol}://`)
  const expected = `a URL that begins with ${beginnings.join(' or ')}`
  return {
    expected,
    parse: (text) => {
      const isOne = beginnings.some((beginning) => text.startsWith(beginning) && text.length > beginning.length)
      if (!isOne || /\s/.test(text)) throw new ValueError(expected)
      return text
    },
  }
}

/** Addresses and networks, separated by commas: `10.0.0.1,192.168.0.0/16,::1`. */
export const networks: ValueType<string[]> = {
  expected: 'addresses or networks separated by commas, as 10.0.0.0/8,::1',
  parse: (text) => {
    const items = text.split(/[\s,]+/).filter((item) => item !== '')
    if (!items.every(isNetwork)) throw new ValueError(networks.expected)
    return items
  },
}

function isNetwork(item: string): boolean {
  const [address = '', bits, ...more] = item.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  if (bits === undefined) return true
  if (!/^\d{1,3}$/.test(bits)) return false
  try {
    new BlockList().addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6')
    return true
  } catch {
    return false
  }
}

export interface RateFigure {
  /** Requests allowed in one window. */
  readonly limit: number
  readonly periodSeconds: number
}

const UNIT_SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const
const RATE_PERIOD_SECONDS_MAX = 31 * UNIT_SECONDS.d

/** `300/5m`: three hundred in five minutes. */
export const rate: ValueType<RateFigure> = {
  expected: 'a number per period, as 300/5m (s, m, h and d are the units)',
  parse: (text) => {
    const [, count, periods, unit] = /^(\d{1,9})\/(\d{1,9})?([smhd])$/.exec(text) ?? []
    const periodSeconds = Number(periods ?? 1) * UNIT_SECONDS[(unit ?? 's') as keyof typeof UNIT_SECONDS]
    if (count === undefined || Number(count) < 1 || periodSeconds < 1 || periodSeconds > RATE_PERIOD_SECONDS_MAX) {
      throw new ValueError(rate.expected)
    }
    return { limit: Number(count), periodSeconds }
  },
}

/** Bytes in URL-safe base64, `bytes` long. */
export function base64url(bytes: number): ValueType<string> {
  const expected = `${bytes} bytes in URL-safe base64`
  return {
    expected,
    parse: (text) => {
      const plain = text.replace(/=+$/, '')
      if (!/^[\w-]*$/.test(plain) || Buffer.from(plain, 'base64url').length !== bytes) throw new ValueError(expected)
      return plain
    },
  }
}

/** Any text of at least so many characters. */
export function secretText(charactersMin: number): ValueType<string> {
  const expected = `at least ${charactersMin} characters`
  return {
    expected,
    parse: (text) => {
      if (text.length < charactersMin) throw new ValueError(expected)
      return text
    },
  }
}
