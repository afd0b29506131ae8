/**
 * `Outbound` on Node's own HTTP. The check is inside the look-up that the connection itself makes, and the connection goes
 * to what was checked: there is no second look-up that could say something else. Connections are kept and used again.
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'

import { AppError } from '../../kit/errors.ts'
import { allowedAddresses, isException, type IsAllowed } from './addresses.ts'
import type { Outbound, OutboundAnswer, OutboundRequest } from './contract.ts'

/** Connections to one host; more requests wait for one. */
const SOCKETS_PER_HOST_MAX = 32
const SOCKETS_MAX = 256
/** Kept open without a request. */
const IDLE_MS = 30_000
const ADDRESS_CHARACTERS_MAX = 1_000

interface OutboundOptions {
  /** Addresses and networks that may be reached although they are near; over them, without TLS and on any port. */
  exceptions: readonly string[]
  /** Without: the system's. For tests. */
  lookup?: PlainLookup
}

export function openOutbound({ exceptions, lookup = systemAddresses }: OutboundOptions): Outbound {
  const isAllowed = allowedAddresses(exceptions)
  const isExcepted = isException(exceptions)
  const options = { keepAlive: true, maxSockets: SOCKETS_PER_HOST_MAX, maxTotalSockets: SOCKETS_MAX, timeout: IDLE_MS }
  const agents: Agents = {
    usual: new HttpsAgent({ ...options, lookup: checkedLookup(lookup, isAllowed) }),
    plain: new HttpAgent({ ...options, lookup: checkedLookup(lookup, isExcepted) }),
    otherPort: new HttpsAgent({ ...options, lookup: checkedLookup(lookup, isExcepted) }),
  }
  const check = (url: URL) => {
    refuseUrl(url)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && !isAllowed(host)) throw refused('it is on a private network')
    const isHopeless = isIP(host) === 0 ? exceptions.length === 0 : !isExcepted(host)
    if (isUnusual(url) && isHopeless) throw refused('it must be https on port 443')
  }
  return {
    check,
    async request(wanted) {
      check(wanted.url)
      return send(wanted, agents)
    },
    [Symbol.dispose]() {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

interface Agents {
  /** TLS on the port of TLS. */
  usual: HttpsAgent
  /** For addresses that were made exceptions of. */
  plain: HttpAgent
  otherPort: HttpsAgent
}

const refused = (why: string) => new AppError('invalid', `The address is not allowed: ${why}`)

/** What is wrong whatever the address. */
function refuseUrl(url: URL): void {
  if (url.href.length > ADDRESS_CHARACTERS_MAX) throw refused('it is too long')
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused('it must begin with https')
  if (url.username !== '' || url.password !== '') throw refused('it has a user name')
}

/** URL leaves the usual port out. */
function isUnusual(url: URL): boolean {
  return url.protocol === 'http:' || url.port !== ''
}

/** Every address of a name. */
type PlainLookup = (host: string, done: (error: Error | null, addresses: readonly LookupAddress[]) => void) => void

const systemAddresses: PlainLookup = (host, done) => systemLookup(host, { all: true }, done)

function checkedLookup(lookup: PlainLookup, isAllowed: IsAllowed): LookupFunction {
  return (host, { all }, done) => {
    lookup(host, (error, addresses) => {
      const [first] = addresses ?? []
      if (error !== null || first === undefined) return done(error ?? new Error('the name has no address'), '')
      // One address that is near is enough: which one is used is not for us to choose.
      if (!addresses.every(({ address }) => isAllowed(address))) return done(refused('it is on a private network'), '')
      return all === true ? done(null, [...addresses]) : done(null, first.address, first.family)
    })
  }
}

function send(wanted: OutboundRequest, agents: Agents): Promise<OutboundAnswer> {
  const { url, method, headers, body, deadlineMs } = wanted
  const { promise, resolve, reject } = Promise.withResolvers<OutboundAnswer>()
  const options = { method, headers: { ...headers, 'content-length': body?.length ?? 0 } }
  const request =
    url.protocol === 'http:'
      ? httpRequest(url, { ...options, agent: agents.plain })
      : httpsRequest(url, { ...options, agent: isUnusual(url) ? agents.otherPort : agents.usual })
  const deadline = setTimeout(() => request.destroy(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs)
  request.on('response', (response) => {
    readAnswer(response, wanted.answerBytesMax).then(resolve, reject)
  })
  request.on('error', reject)
  request.end(body)
  return promise
    .catch((error: unknown) => {
      if (error instanceof AppError) throw error
      throw new AppError('unavailable', 'The address cannot be reached', { cause: error })
    })
    .finally(() => clearTimeout(deadline))
}

async function readAnswer(response: IncomingMessage, bytesMax: number): Promise<OutboundAnswer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part.subarray(0, bytesMax - bytes))
    bytes += part.length
    if (bytes > bytesMax) {
      response.destroy()
      break
    }
  }
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  )
  return { status: response.statusCode ?? 0, headers, body: Buffer.concat(parts) }
}
