/** Clients of the streams: server-sent events and WebSocket, down to the frame. */
import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'

import { WebSocket } from 'ws'

const EVENTUALLY_MS = 20_000

export interface Told {
  /** Names as the frame has them; of server-sent events none. */
  stream: string[]
  event: string
  /** Parsed, where it is JSON and no bare id. */
  payload: unknown
  /** Of server-sent events. */
  id: string
}

interface Awaiting {
  holds: () => boolean
  resolve: () => void
}

/** What came, and waiting for what is to come. */
class Inbox {
  readonly told: Told[] = []
  /** Everything else: comments, error frames. */
  readonly others: string[] = []
  closed: string | undefined
  readonly #awaiting = new Set<Awaiting>()

  changed(): void {
    for (const one of this.#awaiting) {
      if (!one.holds()) continue
      this.#awaiting.delete(one)
      one.resolve()
    }
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const awaiting = { holds, resolve }
    this.#awaiting.add(awaiting)
    const seen = () => JSON.stringify([this.told.map(summary), this.others, this.closed])
    const timer = setTimeout(() => reject(new Error(`never came: ${what}; but ${seen()}`)), EVENTUALLY_MS)
    await promise.finally(() => clearTimeout(timer))
  }
}

abstract class StreamClient {
  protected readonly inbox = new Inbox()

  get told(): readonly Told[] {
    return this.inbox.told
  }

  get others(): readonly string[] {
    return this.inbox.others
  }

  /** The first event of that kind about that id, waited for. */
  async next(event: string, id?: string): Promise<Told> {
    const find = () => this.inbox.told.find((one) => one.event === event && (id === undefined || idOf(one) === id))
    await this.inbox.until(`${event} ${id ?? ''}`, () => find() !== undefined)
    const found = find()
    assert.ok(found)
    return found
  }

  /** Resolves when the server has ended it, with the reason. */
  async ended(): Promise<string> {
    await this.inbox.until('the end', () => this.inbox.closed !== undefined)
    return this.inbox.closed ?? ''
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return this.inbox.until(what, holds)
  }

  /** `event id` of all that came, in order. */
  get summary(): string[] {
    return this.inbox.told.map(summary)
  }

  forget(): void {
    this.inbox.told.length = 0
  }
}

/** One stream of server-sent events. */
export class EventsClient extends StreamClient implements Disposable {
  readonly #message: IncomingMessage

  private constructor(message: IncomingMessage) {
    super()
    this.#message = message
    let rest = ''
    message.setEncoding('utf8')
    message.on('data', (text: string) => {
      rest += text
      const blocks = rest.split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) this.#take(block)
      this.inbox.changed()
    })
    const close = (why: string) => () => {
      this.inbox.closed ??= why
      this.inbox.changed()
    }
    message.on('end', close('end'))
    message.on('error', close('cut'))
    message.on('close', close('cut'))
  }

  static async open(url: string, path: string, token: string, headers = {}): Promise<EventsClient> {
    const request = get(`${url}/api/v1/streaming/${path}`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve)
      request.once('error', reject)
    })
    if (message.statusCode !== 200) throw await refusalOf(message)
    return new EventsClient(message)
  }

  get headers(): IncomingMessage['headers'] {
    return this.#message.headers
  }

  get socket(): IncomingMessage['socket'] {
    return this.#message.socket
  }

  [Symbol.dispose](): void {
    this.#message.destroy()
  }

  #take(block: string): void {
    const lines = block.split('\n').filter((line) => !line.startsWith(':'))
    this.inbox.others.push(...block.split('\n').filter((line) => line.startsWith(':')))
    const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
    const [event, data, id] = [field('event'), field('data'), field('id')]
    if (event === undefined || data === undefined) return void this.inbox.others.push(...lines)
    this.inbox.told.push({ stream: [], event, payload: payloadOf(event, data), id: id ?? '' })
  }
}

/** A WebSocket with whatever it subscribes to. */
export class SocketClient extends StreamClient implements Disposable {
  readonly socket: WebSocket

  private constructor(socket: WebSocket) {
    super()
    this.socket = socket
    socket.on('message', (data) => {
      const frame: unknown = JSON.parse(Buffer.isBuffer(data) ? data.toString() : '')
      assert.ok(typeof frame === 'object' && frame !== null)
      if ('error' in frame) this.inbox.others.push(JSON.stringify(frame))
      else this.inbox.told.push(toldBy(frame))
      this.inbox.changed()
    })
    socket.on('close', (code) => {
      this.inbox.closed = String(code)
      this.inbox.changed()
    })
    socket.on('error', () => {})
  }

  /** `query` begins with `?`. The token goes as sub-protocol, unless `headers` or `query` carry it. */
  static async open(url: string, token: string | undefined, query = '', headers = {}): Promise<SocketClient> {
    const address = `${url.replace('http', 'ws')}/api/v1/streaming${query}`
    const socket = new WebSocket(address, token === undefined ? [] : [token], { headers })
    const client = new SocketClient(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
      socket.once('unexpected-response', (_request, response) => {
        refusalOf(response).then(reject, reject)
      })
    })
    return client
  }

  say(type: 'subscribe' | 'unsubscribe', stream: string, more: object = {}): void {
    this.socket.send(JSON.stringify({ type, stream, ...more }))
  }

  /** Messages are obeyed in order, so an answer to this one says that all before it were. */
  async settled(): Promise<void> {
    const before = this.others.length
    this.say('subscribe', 'are you there?')
    await this.until('an answer', () => this.others.length > before)
  }

  [Symbol.dispose](): void {
    this.socket.terminate()
  }
}

async function refusalOf(message: IncomingMessage): Promise<Error> {
  return new Error(`${message.statusCode} ${Buffer.concat(await message.toArray()).toString()}`)
}

function toldBy(frame: object): Told {
  const { stream, event, payload } = frame as { stream: string[]; event: string; payload?: string } // looked at by tests
  return { stream, event, payload: payload === undefined ? undefined : payloadOf(event, payload), id: '' }
}

function payloadOf(event: string, data: string): unknown {
  return event === 'delete' ? data : JSON.parse(data)
}

function idOf({ payload }: Told): string {
  if (typeof payload === 'string') return payload
  return typeof payload === 'object' && payload !== null && 'id' in payload ? String(payload.id) : ''
}

function summary(told: Told): string {
  return `${told.event} ${idOf(told)}`
}
