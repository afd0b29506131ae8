/** The background thread's side of its lines to the api threads. */
import type { MessagePort } from 'node:worker_threads'

import type { Earlybird } from '../../earlybird/open.ts'
import type { Bus, BusMessage } from '../../engines/bus/contract.ts'
import type { Outbox } from '../../engines/outbox/contract.ts'
import { EVENT_TYPES } from '../../events/contract.ts'
import { AppError } from '../../kit/errors.ts'
import type { TimelineMemory } from '../../timeline-cache/memory.ts'
import type { CallName, DeskCalls, DeskEnd, FromDesk, ToDesk } from './desk-messages.ts'

export type CallHandlers = {
  [Name in CallName]: (...args: DeskCalls[Name]['args']) => Promise<DeskCalls[Name]['result']>
}

export interface DeskDeps {
  bus: Pick<Bus, 'listen'>
  outbox: Pick<Outbox, 'wake'>
}

interface Open {
  handlers: CallHandlers
  /** Undefined when timelines are not in this process' memory. */
  memory: TimelineMemory | undefined
  index: Pick<Earlybird, 'share'>
}

export class Desk implements Disposable {
  readonly #deps: DeskDeps
  readonly #lines = new Set<DeskLine>()
  #open: Open | undefined

  constructor(deps: DeskDeps) {
    this.#deps = deps
  }

  /** From now on the thread over there hears every message of the bus. What it asks waits until `open`. */
  connect(end: DeskEnd): void {
    const line = new DeskLine(end, this.#deps)
    this.#lines.add(line)
    end.port.on('close', () => {
      line[Symbol.dispose]()
      this.#lines.delete(line)
    })
    if (this.#open !== undefined) line.open(this.#open)
  }

  open(open: Open): void {
    this.#open = open
    for (const line of this.#lines) line.open(open)
  }

  [Symbol.dispose](): void {
    for (const line of this.#lines) line[Symbol.dispose]()
  }
}

class DeskLine implements Disposable {
  readonly #end: DeskEnd
  readonly #port: MessagePort
  readonly #deps: DeskDeps
  readonly #listening = new DisposableStack()
  /** Heard in this turn, by the group that has handled them. */
  readonly #heard = new Map<string | undefined, BusMessage[]>()

  constructor(end: DeskEnd, deps: DeskDeps) {
    this.#end = end
    this.#port = end.port
    this.#deps = deps
    this.#forward(EVENT_TYPES, undefined)
  }

  open({ handlers, memory, index }: Open): void {
    if (memory !== undefined) this.#post({ kind: 'timelines', memory })
    this.#listening.use(index.share((shared) => this.#post({ kind: 'index', memory: shared })))
    this.#port.on('message', (message: ToDesk) => this.#receive(message, handlers))
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]()
    this.#port.close()
  }

  #receive(message: ToDesk, handlers: CallHandlers): void {
    switch (message.kind) {
      case 'wake':
        Atomics.store(this.#end.waking, 0, 0) // first: what is committed from now on wakes again
        this.#deps.outbox.wake()
        return
      case 'follow':
        this.#forward(message.types, message.after)
        return
      case 'call':
        void this.#answer(message, handlers)
    }
  }

  /**
   * The messages of a turn go together. In the same turn in which they were published: their rows are deleted later, so
   * that a thread which dies in between is told of them again by its successor.
   */
  #forward(types: readonly string[], after: string | undefined): void {
    const hear = (message: BusMessage): void => {
      const heard = this.#heard.get(after)
      if (heard !== undefined) {
        heard.push(message)
        return
      }
      this.#heard.set(after, [message])
      queueMicrotask(() => {
        const messages = this.#heard.get(after) ?? []
        this.#heard.delete(after)
        this.#post({ kind: 'messages', messages, after })
      })
    }
    this.#listening.use(this.#deps.bus.listen(types, hear, after))
  }

  async #answer({ id, name, args }: Extract<ToDesk, { kind: 'call' }>, handlers: CallHandlers): Promise<void> {
    try {
      const handler = handlers[name] as (...given: readonly unknown[]) => Promise<unknown> // the caller's types are the same
      this.#post({ kind: 'result', id, value: await handler(...args) })
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      this.#post({ kind: 'failure', id, code: error instanceof AppError ? error.code : undefined, text })
    }
  }

  #post(message: FromDesk): void {
    this.#port.postMessage(message, [])
  }
}
