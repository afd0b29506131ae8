/**
 * The clients of the streams benchmark, in a process of their own: bare sockets that hold streams and look for a word in
 * what comes, with next to no work for each. It posts itself, so that one clock measures from the request to the arrival.
 */
import { connect, type Socket } from 'node:net'

import { KeepAlive, requestText } from './keep-alive.ts'

export interface HolderTask {
  url: string
  /** Tokens; the first `homes` of them hold their own home, the others the public stream; each second one by WebSocket. */
  tokens: readonly string[]
  homes: number
  author: string
}

export type HolderCommand = { begin: HolderTask } | { open: true } | { post: 'public' | 'unlisted' } | { close: true }

export interface Heard {
  /** Milliseconds from sending the post to its arrival at each stream that hears it. */
  latencyMs: number[]
  expected: number
}

export type HolderAnswer = { opened: number } | { heard: Heard }

const OPENING_MAX = 100
const HEARD_MS_MAX = 15_000
const RETRY_MS = 500
const TRIES_MAX = 60
const WORD = 'broadcast'
/** Streams opened and closed again at first. */
const WARM_UP = 1_500
const WARM_UP_AT_ONCE = 8
/** A pong that nobody asked for, masked as clients must: it says that somebody is there. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
const PONG_MS = 20_000

interface Held {
  readonly socket: Socket
  readonly isSocket: boolean
  tail: Buffer
}

class Holder {
  readonly #task: HolderTask
  readonly #held: Held[] = []
  #awaited = Buffer.alloc(0)
  #sentMs = 0
  #latencyMs: number[] = []
  #expected = 0
  #all: PromiseWithResolvers<void> | undefined
  #posts = 0
  readonly #pongs = setInterval(() => this.#pong(), PONG_MS)

  constructor(task: HolderTask) {
    this.#task = task
  }

  async open(): Promise<HolderAnswer> {
    const { tokens } = this.#task
    let next = 0
    const opener = async (): Promise<void> => {
      for (let index = next++; index < tokens.length; index = next++) await this.#openPatiently(index)
    }
    await Promise.all(Array.from({ length: OPENING_MAX }, opener))
    return { opened: this.#held.length }
  }

  /** One after the other, by the first person alone: the server's heap becomes as large as connecting makes it. */
  async warmUp(): Promise<HolderAnswer> {
    const opener = async (_none: unknown, which: number): Promise<void> => {
      for (let count = 0; count < WARM_UP / WARM_UP_AT_ONCE; count += 1)
        (await this.#openOne(0, which % 2 === 1))?.destroy()
    }
    await Promise.all(Array.from({ length: WARM_UP_AT_ONCE }, opener))
    return { opened: 0 }
  }

  async post(visibility: 'public' | 'unlisted'): Promise<HolderAnswer> {
    this.#posts += 1
    const word = `${WORD}${this.#posts}x`
    this.#awaited = Buffer.from(word)
    this.#latencyMs = []
    this.#expected = visibility === 'public' ? this.#held.length : this.#task.homes
    this.#all = Promise.withResolvers()
    using connection = await KeepAlive.open(this.#task.url)
    const timer = setTimeout(() => this.#all?.resolve(), HEARD_MS_MAX)
    this.#sentMs = performance.now()
    const { status, body } = await connection.send(
      requestText('POST', '/api/v1/statuses', this.#task.author, { status: word, visibility }),
    )
    if (status !== 200) throw new Error(`a post was answered ${status}: ${body}`)
    await this.#all.promise
    clearTimeout(timer)
    return { heard: { latencyMs: this.#latencyMs, expected: this.#expected } }
  }

  close(): void {
    clearInterval(this.#pongs)
    for (const { socket } of this.#held) socket.destroy()
  }

  async #openPatiently(index: number): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const socket = await this.#openOne(index, isWebSocket(index))
      if (socket !== undefined) return this.#hold(socket, isWebSocket(index))
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
    throw new Error(`a stream was refused ${TRIES_MAX} times`)
  }

  /** Undefined when the server asks to come later. */
  #openOne(index: number, isSocket: boolean): Promise<Socket | undefined> {
    const { url, tokens, homes } = this.#task
    const { hostname, port, host } = new URL(url)
    const stream = index < homes ? 'user' : 'public:local'
    // Each person comes from an address of their own, as they would through a proxy.
    const lines = [
      `GET /api/v1/streaming${isSocket ? `?stream=${stream}` : `/${stream.replace(':', '/')}`} HTTP/1.1`,
      `Host: ${host}`,
      `Authorization: Bearer ${tokens[index]}`,
      `X-Forwarded-For: 10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
      ...(isSocket
        ? [
            'Upgrade: websocket',
            'Connection: Upgrade',
            'Sec-WebSocket-Version: 13',
            'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
          ]
        : []),
    ]
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => socket.write(`${lines.join('\r\n')}\r\n\r\n`))
      socket.once('error', reject)
      socket.once('data', (bytes: Buffer) => {
        socket.off('error', reject)
        const status = Number(/^HTTP\/1\.1 (\d+)/.exec(bytes.toString('latin1', 0, 20))?.[1])
        if (status === 200 || status === 101) return resolve(socket)
        socket.destroy()
        if (status === 503) resolve(undefined)
        else reject(new Error(`a stream was answered ${status}: ${bytes.toString()}`))
      })
    })
  }

  #hold(socket: Socket, isSocket: boolean): void {
    const held: Held = { socket, isSocket, tail: Buffer.alloc(0) }
    this.#held.push(held)
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes: Buffer) => this.#look(held, bytes))
  }

  #look(held: Held, bytes: Buffer): void {
    if (this.#all === undefined) return
    const together = held.tail.length === 0 ? bytes : Buffer.concat([held.tail, bytes])
    if (!together.includes(this.#awaited)) {
      held.tail = together.subarray(Math.max(0, together.length - this.#awaited.length))
      return
    }
    held.tail = Buffer.alloc(0)
    this.#latencyMs.push(performance.now() - this.#sentMs)
    this.#awaitedFound()
  }

  #pong(): void {
    for (const { socket, isSocket } of this.#held) if (isSocket) socket.write(PONG)
  }

  #awaitedFound(): void {
    if (this.#latencyMs.length >= this.#expected) this.#all?.resolve()
  }
}

function isWebSocket(index: number): boolean {
  return index % 2 === 1
}

let holder: Holder | undefined

async function obey(command: HolderCommand): Promise<HolderAnswer> {
  if ('begin' in command) {
    holder = new Holder(command.begin)
    return holder.warmUp()
  }
  if (holder === undefined) throw new Error('nothing was begun')
  if ('open' in command) return holder.open()
  if ('post' in command) return holder.post(command.post)
  holder.close()
  // The answer is the last thing said.
  setImmediate(() => process.disconnect?.())
  return { opened: 0 }
}

process.on('message', (command: HolderCommand) => {
  void answer(command)
})

async function answer(command: HolderCommand): Promise<void> {
  try {
    process.send?.(await obey(command))
  } catch (error) {
    console.error(error)
    process.exit(1)
  }
}
