/**
 * The hub of one thread: the lines it holds, what they subscribed to, and the events on their way to them. Each event is
 * looked up once and written once per transport and stream name; the rules are asked for each person as it is sent.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Bus, BusMessage } from '../engines/bus/contract.ts'
import { decodeEvent } from '../events/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { LogGate } from '../kit/log-gate.ts'
import type { Log } from '../kit/log.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { Audience, type Rules } from './audience.ts'
import type { Channel, ChannelKind } from './channel.ts'
import type { StreamsState } from './contract.ts'
import { EventLine } from './event-line.ts'
import { EventLog, type LogEntry } from './event-log.ts'
import { happeningOf, PERSONAL_EVENTS, STANDING_EVENTS, TIMELINE_EVENTS } from './happening.ts'
import { BEAT_MS, type StreamLimits } from './limits.ts'
import type { DropReason, Line, Listener } from './line.ts'
import { prepare, type Filtering, type Prepared, type PreparingDeps } from './preparing.ts'
import { Procession } from './procession.ts'
import { Tally } from './tally.ts'
import { Topics, type Topic } from './topics.ts'

export interface HubDeps extends PreparingDeps, Rules {
  bus: Pick<Bus, 'listen'>
  clock: Clock
  log: Log
  limits: StreamLimits
}

/** The group that makes home timelines. */
const FANOUT = 'fanout'

export class Hub implements Disposable {
  readonly tally: Tally
  readonly #deps: HubDeps
  readonly #topics = new Topics()
  readonly #listeners = new Map<AccountId, Listener>()
  readonly #lines = new Set<Line>()
  readonly #audience: Audience
  readonly #eventLog: EventLog
  readonly #procession: Procession
  readonly #lossLog: LogGate
  readonly #resources = new DisposableStack()
  #beats = 0

  constructor(deps: HubDeps) {
    const { bus, clock, limits } = deps
    this.#deps = deps
    this.tally = new Tally()
    this.#audience = new Audience({ ...deps, topics: this.#topics, listeners: this.#listeners })
    this.#eventLog = new EventLog(limits.logEventsMax, limits.logAgeMs)
    this.#lossLog = new LogGate(clock)
    this.#procession = new Procession({
      waitingMax: limits.eventsWaitingMax,
      lookUpsMax: limits.lookUpsMax,
      onLoss: (error) => this.#lose(error),
    })
    const hear = (message: BusMessage) => this.#hear(message)
    this.#resources.use(bus.listen(TIMELINE_EVENTS, hear, FANOUT))
    this.#resources.use(bus.listen(PERSONAL_EVENTS, hear))
    this.#resources.use(bus.listen(STANDING_EVENTS, (message) => this.#hearOfStanding(message)))
    const beats = setInterval(() => this.beat(), BEAT_MS)
    beats.unref()
    this.#resources.defer(() => clearInterval(beats))
  }

  get size(): number {
    return this.#lines.size
  }

  /** The person's filters are looked up with their first line. */
  async listener(account: AccountId): Promise<Listener> {
    const known = this.#listeners.get(account)
    if (known !== undefined) return known
    const filtered = await this.#deps.filters(account)
    return this.#listeners.get(account) ?? { account, lines: new Set(), filtered }
  }

  linesOf(account: AccountId): number {
    return this.#listeners.get(account)?.lines.size ?? 0
  }

  add(line: Line): void {
    const { listener } = line.owner
    this.#lines.add(line)
    // The last line of the person may have ended since `listener`.
    const current = this.#listeners.get(listener.account) ?? listener
    current.lines.add(line)
    this.#listeners.set(listener.account, current)
  }

  /** Of a line that ended, by whomever. */
  remove(line: Line): void {
    if (!this.#lines.delete(line)) return
    this.#topics.removeAll(line)
    const { account } = line.owner.listener
    const listener = this.#listeners.get(account)
    listener?.lines.delete(line)
    if (listener?.lines.size === 0) this.#listeners.delete(account)
  }

  /** `held` is disposed when the subscription ends. */
  subscribe(line: Line, channel: Channel, held?: Disposable): void {
    if (this.#lines.has(line)) this.#topics.add(line, channel, held)
    else held?.[Symbol.dispose]()
  }

  unsubscribe(line: Line, key: string): void {
    this.#topics.remove(line, key)
  }

  /**
   * Subscribes a line whose client has seen everything up to the event `lastId`: what came since is told first. The line
   * takes its place in the order of events, so that nothing is missed in between. False when that event is not known (any
   * more): then the line is subscribed at once, and its client has to read what it missed.
   */
  subscribeAfter(line: Line, channel: Channel, lastId: bigint, held?: Disposable): boolean {
    const { account } = line.owner.listener
    // Before anything is looked up: what others were told must cost nobody anything, however often a client comes back.
    const missed = this.#eventLog
      .after(lastId)
      ?.filter(({ happening }) => this.#audience.mayConcern(channel, account, happening))
    if (missed === undefined || missed.length > this.#deps.limits.replayEventsMax) {
      this.subscribe(line, channel, held)
      return false
    }
    this.#procession.push({
      prepare: () => this.#prepareAll(line.closed ? [] : missed),
      tell: async (prepared) => {
        for (const each of prepared) this.#tellAgain(line, channel, each)
        this.subscribe(line, channel, held)
      },
    })
    return true
  }

  /** Ends the lines of an account; with `tokenHash`, those opened with that token. */
  cut(account: AccountId | null, tokenHash: string | null): void {
    const lines = account === null ? this.#lines : this.#listeners.get(account)?.lines
    for (const line of lines ?? []) {
      if (tokenHash === null || line.owner.tokenHash === tokenHash) line.end('revoked')
    }
  }

  endAll(reason: DropReason | 'restart'): void {
    for (const line of this.#lines) {
      line.end(reason)
      this.remove(line)
    }
  }

  /** Heartbeats, of each line in its turn. */
  beat(): void {
    this.#beats += 1
    this.tally.tick()
    for (const line of this.#lines) line.beat(this.#beats)
  }

  state(): StreamsState {
    const eventStreams = [...this.#lines].filter((line) => line instanceof EventLine).length
    const subscriptions: Partial<Record<ChannelKind, number>> = {}
    for (const { channel, lines } of this.#topics.all()) {
      subscriptions[channel.kind] = (subscriptions[channel.kind] ?? 0) + lines.size
    }
    return {
      eventStreams,
      webSockets: this.#lines.size - eventStreams,
      people: this.#listeners.size,
      subscriptions,
      ...this.tally.state(),
      waiting: this.#procession.length,
      queuedBytes: [...this.#lines].reduce((sum, line) => sum + line.queuedBytes, 0),
    }
  }

  [Symbol.dispose](): void {
    this.#resources.dispose()
    this.endAll('restart')
  }

  #hear(message: BusMessage): void {
    const happening = happeningOf(message)
    if (happening === undefined) return
    const entry: LogEntry = { id: message.id, atMs: this.#deps.clock.nowMs(), happening }
    if (!this.#eventLog.add(entry)) return
    this.tally.events += 1
    if (!this.#mayConcernAnybody(entry)) return
    this.#procession.push({
      prepare: () => prepare(this.#deps, entry),
      tell: async (prepared) => {
        if (prepared !== undefined) await this.#tell(prepared)
      },
    })
  }

  #hearOfStanding(message: BusMessage): void {
    if (message.type === 'token.revoked') {
      const { account, tokenHash } = decodeEvent('token.revoked', message)
      if (account !== null || tokenHash !== null) this.cut(account, tokenHash)
      return
    }
    const { id, change } = decodeEvent('account.changed', message)
    if (change === 'suspended' || change === 'deleted') this.cut(id, null)
  }

  /** What concerns nobody here is not even looked up. */
  #mayConcernAnybody({ happening }: LogEntry): boolean {
    if (this.#lines.size === 0) return false
    switch (happening.kind) {
      case 'status':
        return happening.tags === undefined || this.#audience.hasListenersFor(happening.author, happening.tags)
      case 'delete':
        return true
      case 'notification':
        return this.#listeners.has(happening.recipient)
      case 'conversation':
      case 'filters':
        return this.#listeners.has(happening.account)
    }
  }

  async #tell(prepared: Prepared): Promise<void> {
    if (prepared.kind === 'personal') this.#takeOverFilters(prepared.account, prepared.filtered)
    let written = 0
    for (const topic of this.#audience.topicsFor(prepared)) {
      for (const [line, names] of topic.lines) {
        if (!this.#tellLine(line, names, topic, prepared)) continue
        written += 1
        if (written % this.#deps.limits.writesPerTurn === 0) await nextTurn()
      }
    }
  }

  #tellLine(line: Line, names: readonly string[], { channel }: Pick<Topic, 'channel'>, prepared: Prepared): boolean {
    const { listener, hearsNotifications } = line.owner
    if (prepared.kind === 'personal' && prepared.isNotification && !hearsNotifications) return false
    if (!this.#audience.concerns(channel, listener.account, prepared)) return false
    const frames = prepared.kind === 'status' ? prepared.message.framesFor(listener) : prepared.frames
    if (!line.send(frames, names)) return false
    this.tally.frames += 1
    return true
  }

  #tellAgain(line: Line, channel: Channel, prepared: Prepared): void {
    if (!line.closed) this.#tellLine(line, channel.names, { channel }, prepared)
  }

  async #prepareAll(entries: readonly LogEntry[]): Promise<Prepared[]> {
    const prepared: Prepared[] = []
    for (let from = 0; from < entries.length; from += this.#deps.limits.lookUpsMax) {
      const some = entries.slice(from, from + this.#deps.limits.lookUpsMax)
      const ready = await Promise.all(some.map((entry) => prepare(this.#deps, entry)))
      prepared.push(...ready.flatMap((each) => each ?? []))
    }
    return prepared
  }

  #takeOverFilters(account: AccountId, filtered: Filtering | undefined): void {
    const listener = this.#listeners.get(account)
    if (listener !== undefined && filtered !== undefined) listener.filtered = filtered
  }

  /** Whoever listens has missed something and cannot know what: they connect again and read. */
  #lose(error: unknown): void {
    this.#lossLog.pass((missed) =>
      this.#deps.log.error({ event: 'streams.behind', streams: this.size, missed, err: error }),
    )
    this.endAll('behind')
  }
}
