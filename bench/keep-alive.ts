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
const CONTENT_LENGTH = /\r\ncontent-length: (\d+)/i
const NOTHING: Buffer = Buffer.alloc(0)

export class KeepAlive implements Disposable {
  readonly #socket: Socket
  #received = NOTHING
  #answer: PromiseWithResolvers<Answer> | undefined

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
  send(request: string): Promise<Answer> {
    this.#answer = Promise.withResolvers()
    this.#socket.write(request)
    return this.#answer.promise
  }

  [Symbol.dispose](): void {
    this.#answer = undefined
    this.#socket.destroy()
  }

  #take(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    const headersEnd = this.#received.indexOf(HEADERS_END)
    if (headersEnd < 0) return
    const head = this.#received.toString('latin1', 0, headersEnd)
    const bodyFrom = headersEnd + HEADERS_END.length
    const bodyEnd = bodyFrom + Number(CONTENT_LENGTH.exec(head)?.[1] ?? 0)
    if (this.#received.length < bodyEnd) return
    const body = this.#received.toString('utf8', bodyFrom, bodyEnd)
    this.#received = NOTHING
    this.#answer?.resolve({ status: Number(head.slice(9, 12)), body })
  }
}

/** A request of a person, with a JSON body if there is one. */
export function requestText(method: 'GET' | 'POST', path: string, token: string, body?: unknown): string {
  const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n`
  if (body === undefined) return `${head}\r\n`
  const text = JSON.stringify(body)
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}
