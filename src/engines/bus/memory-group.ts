/**
 * One group of the embedded bus: a lane for each key that has messages, of which the first is being tried.
 *
 *   lanes   key 7: [m1 being handled] m4 m9      ready   keys whose first message may be handled now, in order
 *           key 8: [m2 in back-off]   m3         runs    handlers running, at most `concurrency`
 *           key 9: m5                 ← ready
 *
 * A lane in back-off holds no slot, so that failing messages cost their neighbours only their place in their own lane.
 */
import assert from 'node:assert/strict'

import type { Clock } from '../../kit/clock.ts'
import { AppError } from '../../kit/errors.ts'
import { failpoint } from '../../kit/failpoint.ts'
import { LogGate } from '../../kit/log-gate.ts'
import type { Log } from '../../kit/log.ts'
import { OUTAGE_TRIES_MAX, type BusMessage, type GroupState, type Handler, type Parking } from './contract.ts'

export interface GroupLimits {
  /** Handlers of one group running at once. */
  concurrency: number
  /** A handler that takes longer is taken for hung, and its message is tried again. */
  handlerDeadlineMs: number
  /** Back-off before the second try; doubles with every further one. The real delay is a random part of it. */
  backOffBaseMs: number
  backOffMaxMs: number
}

export interface GroupDeps {
  readonly clock: Clock
  readonly log: Log
  readonly parking: Parking
  readonly limits: GroupLimits
  /** Tries that are counted before a message is parked. */
  readonly deliveriesMax: number
  /** 0 ≤ x < 1. */
  readonly random: () => number
  /** Aborted when the bus closes: nothing is started any more. */
  readonly closing: AbortSignal
}

/** A message on its way to one group; `settle` is called once, when it was handled or parked. */
export interface Delivery {
  readonly message: BusMessage
  readonly settle: () => void
  tries: number
  outages: number
}

interface Lane {
  readonly key: bigint
  readonly queue: Delivery[]
  /** The first message is being handled, in back-off, or being parked. */
  busy: boolean
}

interface Member {
  readonly handler: Handler
}

interface Run {
  readonly member: Member
  readonly startedTick: number
  /** Resolves when the outcome of the run has been noted. */
  readonly noted: Promise<void>
  expire(error: Error): void
}

/** Parts of the handler's deadline at which runs are looked at. */
export const DEADLINE_TICKS = 8

export class Group {
  readonly name: string
  readonly types: ReadonlySet<string>
  readonly #deps: GroupDeps
  readonly #failureLog: LogGate
  readonly #alarmLog: LogGate
  readonly #lanes = new Map<bigint, Lane>()
  readonly #ready = new Set<Lane>()
  readonly #runs = new Set<Run>()
  readonly #members: Member[] = []
  #turn = 0
  #tick = 0
  #pending = 0
  #parked = 0
  #lastSuccessMs = 0

  constructor(name: string, types: readonly string[], deps: GroupDeps) {
    this.name = name
    this.types = new Set(types)
    this.#deps = deps
    this.#failureLog = new LogGate(deps.clock)
    this.#alarmLog = new LogGate(deps.clock)
  }

  state(): GroupState {
    return { group: this.name, pending: this.#pending, lastSuccessMs: this.#lastSuccessMs, parked: this.#parked }
  }

  addMember(handler: Handler): Member {
    const member = { handler }
    this.#members.push(member)
    this.#pump()
    return member
  }

  /** No new messages for `member`; resolves when its running handlers have settled. */
  async removeMember(member: Member): Promise<void> {
    const index = this.#members.indexOf(member)
    if (index !== -1) this.#members.splice(index, 1)
    await this.#noted((run) => run.member === member)
  }

  enqueue(delivery: Delivery): void {
    const { key } = delivery.message
    let lane = this.#lanes.get(key)
    if (lane === undefined) this.#lanes.set(key, (lane = { key, queue: [], busy: false }))
    lane.queue.push(delivery)
    this.#pending += 1
    if (lane.busy) return
    this.#ready.add(lane)
    this.#pump()
  }

  /** Called DEADLINE_TICKS times in a handler's deadline: counted ticks, because the wall clock may be set. */
  tick(): void {
    this.#tick += 1
    for (const run of this.#runs) {
      if (this.#tick - run.startedTick <= DEADLINE_TICKS) continue
      run.expire(new Error(`the handler has not settled within ${this.#deps.limits.handlerDeadlineMs} ms`))
    }
  }

  /** Resolves when no handler is running any more. */
  idle(): Promise<void> {
    return this.#noted(() => true)
  }

  async #noted(which: (run: Run) => boolean): Promise<void> {
    await Promise.all([...this.#runs].filter(which).map((run) => run.noted))
  }

  #pump(): void {
    for (const lane of this.#ready) {
      if (this.#runs.size >= this.#deps.limits.concurrency || this.#deps.closing.aborted) return
      const member = this.#members[this.#turn % this.#members.length]
      if (member === undefined) return
      this.#turn += 1
      this.#ready.delete(lane)
      lane.busy = true
      void this.#handleFirst(lane, member)
    }
  }

  async #handleFirst(lane: Lane, member: Member): Promise<void> {
    const delivery = lane.queue[0]
    assert(delivery !== undefined, 'a ready lane has a message')
    const { promise: expired, reject: expire } = Promise.withResolvers<never>()
    const { promise: noted, resolve: note } = Promise.withResolvers<void>()
    const run: Run = { member, startedTick: this.#tick, noted, expire }
    this.#runs.add(run)
    const failure = await failureOf(member.handler, delivery.message, expired)
    this.#runs.delete(run)
    if (failure === undefined) {
      failpoint('W13')
      this.#lastSuccessMs = this.#deps.clock.nowMs()
      this.#finishFirst(lane)
      note()
      return
    }
    note()
    this.#pump() // a slot is free, and this lane is not ready yet
    if (this.#countFailure(delivery, failure)) {
      if (await this.#park(delivery.message, failure)) this.#finishFirst(lane)
      return
    }
    this.#logFailure(delivery, failure)
    await this.#backOff(delivery.tries + delivery.outages)
    this.#makeReady(lane)
  }

  /** True when that was the last try. */
  #countFailure(delivery: Delivery, failure: Error): boolean {
    if (failure instanceof AppError && failure.code === 'unavailable') delivery.outages += 1
    else delivery.tries += 1
    return delivery.tries >= this.#deps.deliveriesMax || delivery.outages >= OUTAGE_TRIES_MAX
  }

  #finishFirst(lane: Lane): void {
    const delivery = lane.queue.shift()
    this.#pending -= 1
    delivery?.settle()
    this.#makeReady(lane)
  }

  #makeReady(lane: Lane): void {
    lane.busy = false
    if (lane.queue.length === 0) this.#lanes.delete(lane.key)
    else this.#ready.add(lane)
    this.#pump()
  }

  async #backOff(failures: number): Promise<void> {
    const { clock, limits, random, closing } = this.#deps
    const ceilingMs = Math.min(limits.backOffMaxMs, limits.backOffBaseMs * 2 ** Math.min(failures - 1, 30))
    await clock.sleep(random() * ceilingMs, closing)
  }

  /** False when the bus closed before the message could be parked: it will come again. */
  async #park(message: BusMessage, failure: Error): Promise<boolean> {
    const { clock, log, parking, closing, limits } = this.#deps
    const about = { group: this.name, message: String(message.id), key: String(message.key), type: message.type }
    while (!closing.aborted) {
      try {
        await parking.park({ group: this.name, message, error: failure.message })
        this.#parked += 1
        this.#alarmLog.pass((missed) => log.error({ event: 'bus.parked', ...about, missed, err: failure }))
        return true
      } catch (error) {
        this.#failureLog.pass((missed) => log.error({ event: 'bus.parking_failed', ...about, missed, err: error }))
        await clock.sleep(limits.backOffMaxMs, closing)
      }
    }
    return false
  }

  #logFailure(delivery: Delivery, failure: Error): void {
    const { message, tries, outages } = delivery
    const about = { group: this.name, message: String(message.id), type: message.type, tries, outages, err: failure }
    this.#failureLog.pass((missed) => this.#deps.log.warn({ event: 'bus.delivery_failed', ...about, missed }))
  }
}

/** Undefined when the handler has handled the message, else why not. */
async function failureOf(handler: Handler, message: BusMessage, expired: Promise<never>): Promise<Error | undefined> {
  try {
    await Promise.race([handler(message), expired])
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
