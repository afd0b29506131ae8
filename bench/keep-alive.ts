/**
 * The client of the benchmarks that go over HTTP: one request after the other on one connection, with next to no work of
 * its own, so that what is measured is the server. Understands what our server sends: a status line, `content-length`, a
 * body. A client that parses more would take the processor from the server beside which it runs.
 */
import { connect, type Socket } from 'node:net'

export interface Answer {
  status: number
  body: string
}

const HEADERS_END = Buffer.from('\r\n\r\n')
const CONTENT_LENGTH = Buffer.from('\r\ncontent-length: ')
const NOTHING: Buffer = Buffer.alloc(0)
const ZERO = 48

export class KeepAlive implements Disposable {
  readonly #socket: Socket
  /** Chunks of the answer so far; only the first is looked into. */
  #received: Buffer[] = []
  /** Bytes of the answer that have not come yet; undefined as long as the head is not whole. */
  #missing: number | undefined
  #bodyFrom = 0
  #answer: PromiseWithResolvers<number> | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => this.#take(bytes))
    socket.on('error', (error) => this.#answer?.reject(error))
    socket.on('close', () => this.#answer?.reject(new Error('the server closed the connection')))
  }

  static open(url: string): Promise<KeepAlive> {
    const { hostname, port } = new URL(url)
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname)
      socket.once('connect', () => resolve(new KeepAlive(socket)))
      socket.once('error', reject)
    })
  }

  /** Sends a whole request, as `requestText` makes it. One at a time. */
  async send(request: string): Promise<Answer> {
    const status = await this.ask(request)
    return { status, body: this.body() }
  }

  /** The same, for those who need no more than the status: the body is counted, not read. */
  ask(request: string | Buffer): Promise<number> {
    this.#answer = Promise.withResolvers()
    this.#received = []
    this.#missing = undefined
    this.#socket.write(request)
    return this.#answer.promise
  }

  /** The body of the last answer. */
  body(): string {
    return Buffer.concat(this.#received).toString('utf8', this.#bodyFrom)
  }

  [Symbol.dispose](): void {
    this.#answer = undefined
    this.#socket.destroy()
  }

  #take(bytes: Buffer): void {
    this.#received.push(bytes)
    if (this.#missing === undefined) this.#readHead()
    else this.#missing -= bytes.length
    if (this.#missing === 0) this.#answer?.resolve(statusOf(this.#received[0] ?? NOTHING))
  }

  #readHead(): void {
    const bytes = this.#received.length === 1 ? (this.#received[0] ?? NOTHING) : Buffer.concat(this.#received)
    const end = bytes.indexOf(HEADERS_END)
    if (end < 0) return
    this.#received = [bytes]
    this.#bodyFrom = end + HEADERS_END.length
    this.#missing = this.#bodyFrom + lengthOf(bytes, end) - bytes.length
  }
}

function lengthOf(head: Buffer, end: number): number {
  const at = head.indexOf(CONTENT_LENGTH)
  if (at < 0 || at > end) return 0
  let length = 0
  for (let place = at + CONTENT_LENGTH.length; place < end; place++) {
    const digit = (head[place] ?? 0) - ZERO
    if (digit < 0 || digit > 9) break
    length = length * 10 + digit
  }
  return length
}

/** HTTP/1.1 200 … */
function statusOf(head: Buffer): number {
  return Number(head.toString('latin1', 9, 12))
}

/** A request of a person, with a JSON body if there is one. */
export function requestText(method: 'GET' | 'POST', path: string, token: string, body?: unknown): string {
  const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n`
  if (body === undefined) return `${head}\r\n`
  const text = JSON.stringify(body)
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}
