/** `REDIS_URL`: one URL, or several of a cluster's nodes separated by commas; user, password and TLS are those of the first. */
import { AppError } from '../../kit/errors.ts'

export interface CacheAddress {
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  readonly username: string | undefined
  readonly password: string | undefined
  readonly database: number
  readonly tls: boolean
}

const REDIS_PORT = 6379

export function parseCacheAddress(text: string): CacheAddress {
  const urls = text.split(',').map((part) => {
    const url = URL.canParse(part) ? new URL(part) : undefined
    if (url?.protocol === 'redis:' || url?.protocol === 'rediss:') return url
    // Its text may hold a password: not repeated here.
    throw new AppError(
      'invalid',
      'REDIS_URL must be redis://[user:password@]host[:port][/database], or several with commas',
    )
  })
  const [first = new URL('redis://127.0.0.1')] = urls
  const database = /^\/?(\d{0,3})$/.exec(first.pathname)?.[1]
  if (database === undefined)
    throw new AppError('invalid', 'REDIS_URL names a database by its number, as in redis://host/1')
  return {
    nodes: urls.map(({ hostname, port }) => ({
      host: hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
      port: Number(port) || REDIS_PORT,
    })),
    username: decodeURIComponent(first.username) || undefined,
    password: decodeURIComponent(first.password) || undefined,
    database: Number(database),
    tls: first.protocol === 'rediss:',
  }
}
