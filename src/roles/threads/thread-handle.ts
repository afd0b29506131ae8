/** One life of a thread, from its start to its end, as the supervisor sees it. */
import { Worker, type Transferable } from 'node:worker_threads'

import { AppError } from '../../kit/errors.ts'
import type { OperatorCommand } from '../operator.ts'
import { portsOf, type FromThread, type Lines, type ThreadSetup, type ToThread } from './messages.ts'

/** A thread that does not answer in this time is busy, or hangs. */
const ANSWER_MS_MAX = 2_000

type Question = { kind: 'state' } | { kind: 'life'; status: bigint } | { kind: 'command'; command: OperatorCommand }

export class ThreadHandle {
  readonly #worker: Worker
  readonly #waiting = new Map<FromThread['kind'], PromiseWithResolvers<void>>()
  readonly #answers = new Map<number, (answer: unknown) => void>()
  readonly #ended = Promise.withResolvers<Error | undefined>()
  #failure: Error | undefined
  #isAlive = true
  #lastQuestion = 0

  constructor(entry: URL, setup: ThreadSetup) {
    this.#worker = new Worker(entry, { name: setup.name, workerData: setup, transferList: portsOf(setup.lines) })
    this.#worker.on('message', (message: FromThread) => this.#receive(message))
    this.#worker.on('error', (error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error))
    })
    this.#worker.on('exit', (code) => this.#end(code))
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Resolves when it has ended, with what made it end; undefined when it closed everything itself. */
  get ended(): Promise<Error | undefined> {
    return this.#ended.promise
  }

  /** Resolves with the next message of the kind; rejects when the thread fails or ends before. */
  next(kind: FromThread['kind']): Promise<void> {
    const waiting = this.#waiting.get(kind) ?? Promise.withResolvers<void>()
    this.#waiting.set(kind, waiting)
    if (!this.#isAlive) waiting.reject(this.#failure ?? new Error('the thread has ended'))
    waiting.promise.catch(() => undefined) // whoever waits hears of it
    return waiting.promise
  }

  connect(lines: Lines): void {
    this.post({ kind: 'lines', lines }, portsOf(lines))
  }

  post(message: ToThread, transferred: readonly Transferable[] = []): void {
    this.#worker.postMessage(message, transferred)
  }

  /** Undefined when it does not answer in time. */
  async ask(question: Question): Promise<unknown> {
    if (!this.#isAlive) return undefined
    const id = ++this.#lastQuestion
    const { promise, resolve } = Promise.withResolvers<unknown>()
    this.#answers.set(id, resolve)
    this.post({ ...question, id })
    const timer = setTimeout(resolve, ANSWER_MS_MAX)
    const answer = await promise
    clearTimeout(timer)
    this.#answers.delete(id)
    return answer
  }

  /** Ends it wherever it is. */
  async terminate(reason: string): Promise<void> {
    this.#failure ??= new Error(reason)
    await this.#worker.terminate()
  }

  #receive(message: FromThread): void {
    if (message.kind === 'answer') {
      this.#answers.get(message.id)?.(message.answer)
      return
    }
    if (message.kind === 'failed') {
      this.#failure = new AppError(message.code, message.text)
      this.#giveUpWaiting(this.#failure)
      return
    }
    this.#waiting.get(message.kind)?.resolve()
    this.#waiting.delete(message.kind)
  }

  #end(code: number): void {
    this.#isAlive = false
    const failure = this.#failure ?? (code === 0 ? undefined : new Error(`the thread ended with code ${code}`))
    this.#giveUpWaiting(failure ?? new Error('the thread has ended'))
    for (const resolve of this.#answers.values()) resolve(undefined)
    this.#ended.resolve(failure)
  }

  #giveUpWaiting(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
