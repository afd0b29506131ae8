/**
 * The background thread as an api thread sees it: the bus' messages, timelines (read from shared memory, built over there),
 * and the wake of the relay. While it is down, calls are `unavailable` and timelines are read from the store.
 */
import { RemoteIndex } from '../../earlybird/reader.ts'
import type { Bus, BusMessage } from '../../engines/bus/contract.ts'
import type { Clock } from '../../kit/clock.ts'
import { AppError } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { TimelineReading } from '../../timeline-cache/contract.ts'
import { TimelineReader } from '../../timeline-cache/reader.ts'
import type { CallName, DeskCalls, DeskEnd, FromDesk, ToDesk } from './desk-messages.ts'
import { packRows } from './packed-rows.ts'

/** Longer takes only a thread that hangs. */
const CALL_MS_MAX = 10_000

interface Call {
  resolve(value: unknown): void
  reject(error: Error): void
  timer: NodeJS.Timeout
}

interface Listener {
  types: readonly string[]
  after: string | undefined
  hear(message: BusMessage): void
}

export interface DeskClientDeps {
  clock: Clock
  log: Log
  /** Called before anything from over there is acted upon: it may build on what that thread has told the others. */
  catchUp: () => void
}

export class DeskClient implements Disposable {
  readonly #deps: DeskClientDeps
  readonly #listeners = new Set<Listener>()
  readonly #calls = new Map<number, Call>()
  #end: DeskEnd | undefined
  #reader: TimelineReader | undefined
  #lastCall = 0
  /** Goes on with what it has while the background thread is down. */
  readonly index: RemoteIndex

  constructor(deps: DeskClientDeps) {
    this.#deps = deps
    this.index = new RemoteIndex(deps.clock)
  }

  connect(end: DeskEnd): void {
    this.#disconnect()
    this.#end = end
    end.port.on('message', (message: FromDesk) => this.#receive(message))
    end.port.on('close', () => {
      if (this.#end === end) this.#disconnect()
    })
    for (const { types, after } of this.#listeners)
      if (after !== undefined) this.#post({ kind: 'follow', types, after })
  }

  /** A hint: the relay looks by itself, too, but later. */
  wake(): void {
    if (this.#end === undefined || Atomics.exchange(this.#end.waking, 0, 1) === 1) return
    this.#post({ kind: 'wake' })
  }

  readonly bus: Pick<Bus, 'listen'> = {
    listen: (types, hear, after) => {
      const listener: Listener = { types, after, hear }
      this.#listeners.add(listener)
      if (after !== undefined) this.#post({ kind: 'follow', types, after })
      return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
    },
  }

  readonly timelines: TimelineReading = {
    read: async (owner, page) => this.#readerNow().read(owner, page, this.#deps.clock.nowMs()),
    readNow: (owner, page) => this.#reader?.read(owner, page, this.#deps.clock.nowMs()),
    isAt: (mark) => this.#reader?.isAt(mark, this.#deps.clock.nowMs()) === true,
    beginBuild: (owner) => this.call('beginBuild', [owner]),
    finishBuild: (ticket, entries, floor) => {
      const rows = packRows(entries)
      return this.call('finishBuild', [ticket, rows, floor], [rows.buffer])
    },
    abandonBuild: (ticket) => this.call('abandonBuild', [ticket]),
  }

  /** Rejects with `unavailable` when the thread over there is down, ends before it answers, or hangs. */
  async call<Name extends CallName>(
    name: Name,
    args: DeskCalls[Name]['args'],
    transferred: readonly ArrayBuffer[] = [],
  ): Promise<DeskCalls[Name]['result']> {
    if (this.#end === undefined) throw down()
    const id = ++this.#lastCall
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const timer = setTimeout(() => this.#settle(id)?.reject(down()), CALL_MS_MAX)
    this.#calls.set(id, { resolve, reject, timer })
    this.#end.port.postMessage({ kind: 'call', id, name, args } satisfies ToDesk, [...transferred])
    return (await promise) as DeskCalls[Name]['result'] // what the handler of that name gave
  }

  [Symbol.dispose](): void {
    this.#end?.port.close()
    this.#disconnect()
  }

  #readerNow(): TimelineReader {
    if (this.#reader === undefined) throw down()
    return this.#reader
  }

  /** Its memory may be torn where it was written at that moment, and nobody keeps it true: it is read no more. */
  #disconnect(): void {
    this.#end = undefined
    this.#reader = undefined
    for (const id of this.#calls.keys()) this.#settle(id)?.reject(down())
  }

  #post(message: ToDesk): void {
    this.#end?.port.postMessage(message, [])
  }

  #receive(message: FromDesk): void {
    this.#deps.catchUp()
    switch (message.kind) {
      case 'timelines':
        this.#reader = new TimelineReader(message.memory)
        return
      case 'index':
        this.index.take(message.memory)
        return
      case 'messages':
        for (const each of message.messages) this.#hear(each, message.after)
        return
      case 'result':
        this.#settle(message.id)?.resolve(message.value)
        return
      case 'failure': {
        const { id, code, text } = message
        this.#settle(id)?.reject(code === undefined ? new Error(text) : new AppError(code, text))
      }
    }
  }

  #hear(message: BusMessage, after: string | undefined): void {
    for (const listener of this.#listeners) {
      if (listener.after !== after || !listener.types.includes(message.type)) continue
      try {
        listener.hear(message)
      } catch (error) {
        const about = { type: message.type, message: String(message.id) }
        this.#deps.log.error({ event: 'bus.listener_failed', ...about, err: error })
      }
    }
  }

  #settle(id: number): Call | undefined {
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    clearTimeout(call?.timer)
    return call
  }
}

function down(): AppError {
  return new AppError('unavailable', 'Timelines are being restarted, please try again', { retryAfterSeconds: 1 })
}
