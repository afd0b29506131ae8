/**
 * The embedded bus: groups and listeners in this thread, nothing on disk. Safe because of the outbox: `publish` resolves
 * only when every group has handled or parked the messages, and until then their rows stay.
 *
 * Bounded: at most `pendingMax` messages are inside; further `publish` calls wait their turn, in order.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'

import type { Clock } from '../../kit/clock.ts'
import { AppError } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import {
  DELIVERIES_MAX,
  PUBLISH_MESSAGES_MAX,
  UNREADABLE,
  type Bus,
  type BusMessage,
  type GroupState,
  type Handler,
  type Parking,
} from './contract.ts'
import { DEADLINE_TICKS, Group, type GroupDeps, type GroupLimits } from './memory-group.ts'

export interface BusLimits extends GroupLimits {
  /** Messages inside the bus; at least PUBLISH_MESSAGES_MAX. */
  pendingMax: number
  /** How long closing waits for running handlers. */
  drainMs: number
}

const DEFAULT_LIMITS: BusLimits = {
  concurrency: 64,
  handlerDeadlineMs: 30_000,
  backOffBaseMs: 50,
  backOffMaxMs: 3_000,
  pendingMax: 10_000,
  drainMs: 5_000,
}

const RANDOM_STEPS = 2 ** 32

export interface MemoryBusOptions {
  readonly clock: Clock
  readonly log: Log
  readonly parking: Parking
  /** Whether this process can read such messages; others are parked. */
  readonly accepts: (type: string, version: number) => boolean
  /** 0 ≤ x < 1, for the jitter. */
  readonly random?: () => number
  readonly limits?: Partial<BusLimits>
}

export function openMemoryBus(options: MemoryBusOptions): Bus {
  return new MemoryBus(options)
}

/** By message type. */
type Listeners = Map<string, Set<(message: BusMessage) => void>>

/** One call of `publish`: open until every delivery has settled. */
interface Publication {
  readonly messages: readonly BusMessage[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  unsettled: number
}

class MemoryBus implements Bus {
  readonly #clock: Clock
  readonly #accepts: (type: string, version: number) => boolean
  readonly #log: Log
  readonly #limits: BusLimits
  readonly #deps: GroupDeps
  readonly #closing = new AbortController()
  readonly #groups = new Map<string, Group>()
  readonly #groupsByType = new Map<string, Group[]>()
  readonly #listeners: Listeners = new Map()
  /** Those that hear only what a group has handled, by its name. */
  readonly #followers = new Map<string, Listeners>()
  /** Where messages that this process cannot read are parked. */
  readonly #unreadable: Group
  /** Publish calls that wait for room, and those inside. */
  readonly #waiting: Publication[] = []
  readonly #inside = new Set<Publication>()
  #messagesInside = 0
  #closed: Promise<void> | undefined

  constructor({ clock, log, parking, accepts, random = secureRandom, limits = {} }: MemoryBusOptions) {
    this.#clock = clock
    this.#log = log
    this.#accepts = accepts
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    assert(this.#limits.pendingMax >= 1 && this.#limits.concurrency >= 1)
    this.#deps = {
      clock,
      log,
      parking,
      limits: this.#limits,
      deliveriesMax: DELIVERIES_MAX,
      random,
      closing: this.#closing.signal,
    }
    this.#unreadable = new Group(UNREADABLE, [], { ...this.#deps, deliveriesMax: 1 })
    this.#unreadable.addMember(refuse)
    void this.#watchDeadlines()
  }

  publish(messages: readonly BusMessage[]): Promise<void> {
    assert(messages.length <= PUBLISH_MESSAGES_MAX, `at most ${PUBLISH_MESSAGES_MAX} messages at once`)
    if (messages.length === 0) return Promise.resolve()
    if (this.#closing.signal.aborted) return Promise.reject(closed())
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ messages, resolve, reject, unsettled: 0 })
    this.#admit()
    return promise
  }

  join(name: string, types: readonly string[], handler: Handler): AsyncDisposable {
    const group = this.#groups.get(name) ?? this.#openGroup(name, types)
    assert(
      types.length === group.types.size && types.every((type) => group.types.has(type)),
      `all members of ${name} take the same types`,
    )
    const member = group.addMember(handler)
    return {
      [Symbol.asyncDispose]: async () => {
        await this.#within(this.#limits.drainMs, group.removeMember(member))
      },
    }
  }

  listen(types: readonly string[], hear: (message: BusMessage) => void, after?: string): Disposable {
    const listener = (message: BusMessage) => hear(message) // one of its own, so that the same function may listen twice
    const listeners = after === undefined ? this.#listeners : this.#followersOf(after)
    for (const type of types) {
      const hearers = listeners.get(type)
      if (hearers === undefined) listeners.set(type, new Set([listener]))
      else hearers.add(listener)
    }
    return {
      [Symbol.dispose]: () => {
        for (const type of types) listeners.get(type)?.delete(listener)
      },
    }
  }

  state(): GroupState[] {
    return [...this.#groups.values(), this.#unreadable].map((group) => group.state())
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** Starts no handler any more, waits for the running ones, and gives back the rest to the outbox. */
  async #close(): Promise<void> {
    this.#closing.abort()
    const groups = [...this.#groups.values(), this.#unreadable]
    await this.#within(this.#limits.drainMs, Promise.all(groups.map((group) => group.idle())))
    const unhandled = [...this.#inside, ...this.#waiting.splice(0)]
    this.#inside.clear()
    for (const publication of unhandled) publication.reject(closed())
    if (unhandled.length > 0) this.#log.info({ event: 'bus.closed', givenBack: unhandled.length })
  }

  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    const done = new AbortController()
    await Promise.race([work, this.#clock.sleep(ms, done.signal)])
    done.abort()
  }

  #openGroup(name: string, types: readonly string[]): Group {
    const group = new Group(name, types, this.#deps)
    this.#groups.set(name, group)
    for (const type of group.types) this.#groupsByType.set(type, [...(this.#groupsByType.get(type) ?? []), group])
    return group
  }

  #admit(): void {
    for (;;) {
      const next = this.#waiting[0]
      if (next === undefined) return
      const room = this.#limits.pendingMax - this.#messagesInside
      // One that is larger than the whole bus goes in alone.
      if (next.messages.length > room && this.#messagesInside > 0) return
      this.#waiting.shift()
      this.#start(next)
    }
  }

  #start(publication: Publication): void {
    const { messages } = publication
    this.#inside.add(publication)
    this.#messagesInside += messages.length
    const routes = messages.map((message) => ({ message, groups: this.#groupsOf(message) }))
    publication.unsettled = routes.reduce((sum, { groups }) => sum + groups.length, 0)
    if (publication.unsettled === 0) this.#finish(publication)
    const settle = () => {
      publication.unsettled -= 1
      if (publication.unsettled === 0) this.#finish(publication)
    }
    for (const { message, groups } of routes) {
      this.#tell(this.#listeners, message)
      for (const group of groups) {
        group.enqueue({ message, settle: this.#settling(group, message, settle), tries: 0, outages: 0 })
      }
      this.#tellOfUntaken(message, groups)
    }
  }

  /** `settle`, and before it the listeners that wait for this group. */
  #settling(group: Group, message: BusMessage, settle: () => void): () => void {
    const followers = this.#followers.get(group.name)
    if (followers === undefined) return settle
    return () => {
      this.#tell(followers, message)
      settle()
    }
  }

  /** A group that does not take the message will never have handled it. */
  #tellOfUntaken(message: BusMessage, groups: readonly Group[]): void {
    for (const [name, followers] of this.#followers) {
      if (!groups.some((group) => group.name === name)) this.#tell(followers, message)
    }
  }

  #followersOf(group: string): Listeners {
    const known = this.#followers.get(group) ?? new Map<string, never>()
    this.#followers.set(group, known)
    return known
  }

  #groupsOf({ type, version }: BusMessage): readonly Group[] {
    return this.#accepts(type, version) ? (this.#groupsByType.get(type) ?? []) : [this.#unreadable]
  }

  #finish(publication: Publication): void {
    if (!this.#inside.delete(publication)) return // given back when the bus closed
    this.#messagesInside -= publication.messages.length
    publication.resolve()
    if (!this.#closing.signal.aborted) this.#admit()
  }

  #tell(listeners: Listeners, message: BusMessage): void {
    for (const hear of listeners.get(message.type) ?? []) {
      try {
        hear(message)
      } catch (error) {
        this.#log.error({ event: 'bus.listener_failed', type: message.type, message: String(message.id), err: error })
      }
    }
  }

  async #watchDeadlines(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await this.#clock.sleep(this.#limits.handlerDeadlineMs / DEADLINE_TICKS, signal)
      for (const group of this.#groups.values()) group.tick()
    }
  }
}

function refuse({ type, version }: BusMessage): Promise<void> {
  return Promise.reject(new AppError('invalid', `this process does not know version ${version} of ${type}`))
}

function closed(): AppError {
  return new AppError('unavailable', 'The bus is closed')
}

function secureRandom(): number {
  return randomInt(RANDOM_STEPS) / RANDOM_STEPS
}
