/**
 * Keeps the threads of a server running. Each pair of them has a line of its own; one that dies is replaced by a new thread
 * on new lines, after a back-off, while the others go on. Whoever starts is told of everything that is written from before
 * it loads anything: the others have its lines first.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { MessageChannel } from 'node:worker_threads'

import type { Clock } from '../../kit/clock.ts'
import { DRAIN_MS_MAX } from '../../kit/lifecycle.ts'
import type { Log } from '../../kit/log.ts'
import type { OperatorCommand } from '../operator.ts'
import type { Lines, ThreadKind, ThreadSetup } from './messages.ts'
import { ThreadHandle } from './thread-handle.ts'
import type { ThreadState } from './thread-state.ts'

export const BACKGROUND_THREAD = 'fanout'
/** A thread that dies this often, each time within LASTING_MS of its start, will not get better by itself. */
export const CRASHES_MAX = 5
const LASTING_MS = 60_000
const BACK_OFF_MS = 100
const BACK_OFF_MS_MAX = 5_000
/** A thread that hangs must not keep another from being replaced. */
const CONNECT_MS_MAX = 10_000
/** Between two attempts to start a thread. */
const START_PAUSE_MS = 50
/** After the last request was answered or cut off. */
const CLOSE_MS_MAX = 1_000
const BACKGROUND_CLOSE_MS_MAX = 1_500

// Supervisors of processes kill ten seconds after the signal.
assert(DRAIN_MS_MAX + CLOSE_MS_MAX + BACKGROUND_CLOSE_MS_MAX < 10_000)

export interface SupervisorDeps {
  clock: Clock
  log: Log
  /** Of api threads. */
  apiThreads: number
  entryOf: (kind: ThreadKind) => URL
  /** What all have in common. */
  setup: Omit<ThreadSetup, 'name' | 'lines' | 'outboxOwner' | 'isFirst'>
  /** Ends the process: a thread cannot be kept alive. */
  giveUp: (text: string) => void
}

export interface ThreadReport {
  name: string
  state: 'starting' | 'running' | 'restarting' | 'silent' | 'stopped'
  /** Since the start of the process. */
  restarts: number
  /** Null while there is nothing to ask, or no answer. */
  figures: ThreadState | null
}

interface Seat {
  readonly name: string
  readonly kind: ThreadKind
  readonly outboxOwner: bigint
  handle: ThreadHandle | undefined
  isRunning: boolean
  restarts: number
  crashes: number
  /** Somebody wants it to be replaced: that is no crash. */
  isAskedToRestart: boolean
  runningSinceMs: number
}

export class Supervisor implements AsyncDisposable {
  readonly #deps: SupervisorDeps
  readonly #seats: readonly Seat[]
  readonly #stopping = new AbortController()
  /** Threads are brought back one after the other, so that each pair is connected once. */
  #bringing: Promise<unknown> = Promise.resolve()
  #keeping: Promise<unknown> = Promise.resolve()

  constructor(deps: SupervisorDeps) {
    this.#deps = deps
    const names = Array.from({ length: deps.apiThreads }, (_, index) => `api-${index + 1}`)
    this.#seats = [seatOf(BACKGROUND_THREAD, 'fanout'), ...names.map((name) => seatOf(name, 'api'))]
  }

  /** Resolves when all threads take requests. Throws what kept one of them from it. */
  async start(): Promise<void> {
    const lines = new Map(this.#seats.map(({ name }) => [name, noLines()]))
    for (const [index, one] of this.#seats.entries()) {
      for (const other of this.#seats.slice(0, index)) {
        const [here, there] = lineBetween(one, other)
        addLines(lines.get(one.name), here)
        addLines(lines.get(other.name), there)
      }
    }
    for (const seat of this.#seats) this.#spawn(seat, lines.get(seat.name) ?? noLines(), true)
    await Promise.all(this.#seats.map(async ({ handle }) => handle?.next('opened')))
    await Promise.all(this.#seats.map((seat) => this.#letListen(seat)))
    this.#keeping = Promise.all(this.#seats.map((seat) => this.#keep(seat)))
  }

  /** As they are now; a thread that does not answer is 'silent'. */
  reports(): Promise<ThreadReport[]> {
    return Promise.all(
      this.#seats.map(async ({ name, handle, isRunning, restarts }): Promise<ThreadReport> => {
        const figures = ((await handle?.ask({ kind: 'state' })) ?? null) as ThreadState | null // what it posts
        const isAlive = handle?.isAlive === true
        const running = figures === null ? 'silent' : 'running'
        const state = !isAlive ? 'restarting' : isRunning ? running : 'starting'
        return { name, state: this.#stopping.signal.aborted ? 'stopped' : state, restarts, figures }
      }),
    )
  }

  /** What the background thread knows of a status; undefined when it knows nothing, or is down. */
  life(status: bigint): Promise<unknown> {
    return this.#seatNamed(BACKGROUND_THREAD)?.handle?.ask({ kind: 'life', status }) ?? Promise.resolve(undefined)
  }

  /** Done by the background thread; undefined when it is down. */
  command(command: OperatorCommand): Promise<unknown> {
    return this.#seatNamed(BACKGROUND_THREAD)?.handle?.ask({ kind: 'command', command }) ?? Promise.resolve(undefined)
  }

  /** Ends a thread wherever it is; it is replaced like one that died. False when there is none of that name. */
  async restart(name: string): Promise<boolean> {
    const seat = this.#seatNamed(name)
    if (seat === undefined) return false
    seat.isAskedToRestart = true
    await seat.handle?.terminate('it was to be restarted')
    return true
  }

  /** Requests under way are answered first, then the work in the background ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#bringing
    const isApi = ({ kind }: Seat): boolean => kind === 'api'
    const api = this.#seats.filter(isApi).map((seat) => this.#stop(seat, DRAIN_MS_MAX + CLOSE_MS_MAX))
    await Promise.all(api)
    const others = this.#seats.filter((seat) => !isApi(seat))
    await Promise.all(others.map((seat) => this.#stop(seat, BACKGROUND_CLOSE_MS_MAX)))
    await this.#keeping
  }

  async #stop({ name, handle }: Seat, ms: number): Promise<void> {
    if (handle?.isAlive !== true) return
    handle.post({ kind: 'stop' })
    // What is left of the time must not keep the process from ending.
    const ended = new AbortController()
    const late = this.#deps.clock.sleep(ms, ended.signal).then(() => true)
    const isLate = await Promise.race([handle.ended.then(() => false), late])
    ended.abort()
    if (!isLate) return
    this.#deps.log.warn({ event: 'thread.cut_off', thread: name }, 'it did not end by itself')
    await handle.terminate('it did not end by itself')
  }

  #seatNamed(name: string): Seat | undefined {
    return this.#seats.find((seat) => seat.name === name)
  }

  #spawn(seat: Seat, lines: Lines, isFirst: boolean): void {
    const { name, kind, outboxOwner } = seat
    const setup: ThreadSetup = { ...this.#deps.setup, name, lines, outboxOwner, isFirst }
    seat.handle = new ThreadHandle(this.#deps.entryOf(kind), setup)
  }

  async #letListen(seat: Seat): Promise<void> {
    seat.handle?.post({ kind: 'listen' })
    await seat.handle?.next('listening')
    seat.isRunning = true
    seat.runningSinceMs = this.#deps.clock.nowMs()
  }

  /** Until the supervisor stops: whenever the thread ends, another takes its place. */
  async #keep(seat: Seat): Promise<void> {
    const { clock, log, giveUp } = this.#deps
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const reason = await seat.handle?.ended
      if (signal.aborted) return
      const lasted = seat.isRunning && clock.nowMs() - seat.runningSinceMs >= LASTING_MS
      seat.crashes = seat.isAskedToRestart ? 0 : lasted ? 1 : seat.crashes + 1
      seat.isAskedToRestart = false
      seat.isRunning = false
      log.error({ event: 'thread.died', thread: seat.name, crashes: seat.crashes, err: reason }, 'it is started again')
      if (seat.crashes > CRASHES_MAX) {
        const last = reason?.message ?? 'it ended'
        giveUp(`Thread ${seat.name} has died ${seat.crashes} times in a row. The last time: ${last}`)
        return
      }
      if (seat.crashes > 0) await clock.sleep(backOffMs(seat.crashes), signal)
      if (signal.aborted) return
      await this.#bringBack(seat)
    }
  }

  async #bringBack(seat: Seat): Promise<void> {
    seat.restarts += 1
    const connected = this.#bringing.then(() => this.#replaceUntilItWorks(seat))
    this.#bringing = connected
    await connected
    try {
      await seat.handle?.next('opened')
      await this.#letListen(seat)
      this.#deps.log.info({ event: 'thread.restarted', thread: seat.name })
    } catch {
      await seat.handle?.ended // it has told why
    }
  }

  async #replaceUntilItWorks(seat: Seat): Promise<void> {
    const { clock, log } = this.#deps
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#replace(seat)
        return
      } catch (error) {
        // A line cannot be handed over any more when the thread at its other end has just died.
        log.warn({ event: 'thread.not_started', thread: seat.name, err: error })
        await clock.sleep(START_PAUSE_MS, this.#stopping.signal)
      }
    }
  }

  async #replace(seat: Seat): Promise<void> {
    const lines = noLines()
    const others = this.#seats.filter((other) => other !== seat && other.handle?.isAlive === true)
    const connecting = others.map(async (other) => {
      const [here, there] = lineBetween(seat, other)
      addLines(lines, here)
      const connected = other.handle?.next('connected')
      other.handle?.connect(there)
      await connected?.catch(() => undefined) // it has died itself
    })
    const tooLong = new AbortController()
    await Promise.race([Promise.all(connecting), this.#deps.clock.sleep(CONNECT_MS_MAX, tooLong.signal)])
    tooLong.abort()
    if (!this.#stopping.signal.aborted) this.#spawn(seat, lines, false)
  }
}

function seatOf(name: string, kind: ThreadKind): Seat {
  const outboxOwner = randomBytes(8).readBigInt64BE()
  const counts = { restarts: 0, crashes: 0, runningSinceMs: 0 }
  return { name, kind, outboxOwner, handle: undefined, isRunning: false, isAskedToRestart: false, ...counts }
}

function noLines(): Lines {
  return { siblings: [], desks: [] }
}

function addLines(to: Lines | undefined, from: Lines): void {
  to?.siblings.push(...from.siblings)
  to?.desks.push(...from.desks)
}

/** The ends of the lines between two threads: for the first, and for the second. */
function lineBetween(one: Seat, other: Seat): [Lines, Lines] {
  const { port1, port2 } = new MessageChannel()
  const sent = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  const here: Lines = { siblings: [{ peer: other.name, port: port1, sent, end: 0 }], desks: [] }
  const there: Lines = { siblings: [{ peer: one.name, port: port2, sent, end: 1 }], desks: [] }
  if (one.kind !== other.kind) {
    const desk = new MessageChannel()
    const waking = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    here.desks.push({ peer: other.name, port: desk.port1, waking })
    there.desks.push({ peer: one.name, port: desk.port2, waking })
  }
  return [here, there]
}

function backOffMs(crashes: number): number {
  return Math.min(BACK_OFF_MS_MAX, BACK_OFF_MS * 2 ** (crashes - 1))
}
