/** The door of the streams: takes over connections whose caller the edge has identified, and gives them to the hub. */
import type { Socket } from 'node:net'

import { WebSocketServer, type RawData, type WebSocket } from 'ws'

import { coversScope } from '../accounts/contract.ts'
import { AppError } from '../kit/errors.ts'
import type { ListId, Lists } from '../lists/contract.ts'
import { Admission } from './admission.ts'
import { channelOf, streamOfPath, type Channel, type Wish } from './channel.ts'
import { MessageAllowance, parseClientMessage } from './client-messages.ts'
import type { EventsAcceptor, HttpPush, StreamCaller, StreamRequest, StreamsState, Upgrade } from './contract.ts'
import { EventLine } from './event-line.ts'
import { Hub, type HubDeps } from './hub.ts'
import { PING_BEATS, STREAM_LIMITS, type StreamLimits } from './limits.ts'
import type { Line, LineOptions, LineOwner } from './line.ts'
import { SocketLine } from './socket-line.ts'

interface DoorDeps extends HubDeps {
  lists: Pick<Lists, 'hiddenFromHome' | 'watch' | 'watchedWith'>
}

export type HttpPushDeps = Omit<DoorDeps, 'limits'> & { limits?: Partial<StreamLimits> }

export function openHttpPush(deps: HttpPushDeps): HttpPush {
  const limits = { ...STREAM_LIMITS, ...deps.limits }
  return new Door({ ...deps, limits })
}

const CLOSE_UNSUPPORTED = 1003
const FRAGMENTS_MAX = 64

class Door implements HttpPush {
  readonly #deps: DoorDeps
  readonly #hub: Hub
  readonly #admission: Admission
  readonly #webSockets: WebSocketServer
  #turns = 0

  constructor(deps: DoorDeps) {
    this.#deps = deps
    this.#hub = new Hub(deps)
    this.#admission = new Admission(deps.limits, deps.clock)
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      skipUTF8Validation: false,
      maxPayload: deps.limits.messageBytesMax,
      maxFragments: FRAGMENTS_MAX,
    })
  }

  async events(caller: StreamCaller, request: StreamRequest): Promise<EventsAcceptor> {
    const channel = channelOf(wishOf(request), caller)
    const held = await this.#hold(channel, caller)
    try {
      const owner = await this.#admit(caller)
      const opening = { owner, caller, channel, held, lastEventId: request.lastEventId }
      return {
        open: (socket) => this.#openEvents(socket, opening),
        abandon: () => {
          this.#admission.leave(caller.address)
          held?.[Symbol.dispose]()
        },
      }
    } catch (error) {
      held?.[Symbol.dispose]()
      throw error
    }
  }

  async webSocket(caller: StreamCaller, request: StreamRequest, { message, socket, head }: Upgrade): Promise<void> {
    const owner = await this.#admit(caller)
    let upgraded = false
    this.#webSockets.handleUpgrade(message, socket, head, (webSocket) => {
      upgraded = true
      this.#openSocket({ webSocket, socket }, { owner, caller, request })
    })
    // A handshake that is none was answered with 400 by `ws`.
    if (!upgraded) this.#admission.leave(caller.address)
  }

  state(): StreamsState {
    return this.#hub.state()
  }

  drain(): void {
    this.#admission.close()
    this.#hub.endAll('restart')
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.drain()
    this.#hub[Symbol.dispose]()
    return Promise.resolve()
  }

  async #admit(caller: StreamCaller): Promise<LineOwner> {
    const { account, address } = caller
    const applicant = { address, held: this.#hub.linesOf(account) }
    this.#admission.enter(applicant, (reason) => this.#hub.tally.refused(reason))
    try {
      const listener = await this.#hub.listener(account)
      const { tokenHash, scopes } = caller
      return { listener, tokenHash, scopes, hearsNotifications: coversScope(scopes, 'read:notifications'), address }
    } catch (error) {
      this.#admission.leave(address)
      throw error
    }
  }

  /** A list is kept in memory while it is streamed; whoever's it is not learns nothing of it. */
  async #hold({ kind, list }: Channel, { account }: StreamCaller): Promise<Disposable | undefined> {
    if (kind !== 'list') return undefined
    try {
      return await this.#deps.lists.watch(account, list as ListId) // parsed by `channelOf`
    } catch (error) {
      const isForeign = error instanceof AppError && error.code === 'not_found'
      throw isForeign ? new AppError('unauthenticated', 'Not authorized to stream this list') : error
    }
  }

  #openEvents(socket: Socket, { owner, caller, channel, held, lastEventId }: EventsOpening): void {
    const line = new EventLine(owner, socket, this.#lineOptions())
    this.#keep(line, socket, caller)
    socket.on('data', () => line.drop('unruly')) // nothing comes after the request
    socket.on('end', () => socket.destroy())
    line.greet()
    const lastId = lastEventId !== undefined && /^\d{1,19}$/.test(lastEventId) ? BigInt(lastEventId) : undefined
    if (lastId === undefined) return this.#hub.subscribe(line, channel, held)
    const isWhole = this.#hub.subscribeAfter(line, channel, lastId, held)
    line.comment(isWhole ? 'replay' : 'missed too much, read the timelines')
  }

  #openSocket(
    sockets: { webSocket: WebSocket; socket: Socket },
    { owner, caller, request }: Opening & { request: StreamRequest },
  ): void {
    const { webSocket, socket } = sockets
    const line = new SocketLine(owner, sockets, this.#lineOptions())
    const { clock, limits } = this.#deps
    // One message after the other, also where one has to be looked up.
    let last = Promise.resolve()
    const obey = (act: () => Promise<void>): void => {
      last = last.then(() => this.#attempt(line, act))
    }
    const allowance = new MessageAllowance(limits, clock.nowMs())
    const isCivil = (): boolean => {
      if (allowance.take(clock.nowMs())) return true
      line.drop('unruly')
      return false
    }
    webSocket.on('error', () => undefined) // `ws` closes with the code of the fault
    webSocket.on('ping', isCivil)
    webSocket.on('pong', () => line.ponged())
    webSocket.on('message', (data, isBinary) => {
      if (line.closed || !isCivil()) return
      if (isBinary) line.close(CLOSE_UNSUPPORTED, 'Only text')
      else obey(() => this.#obey(line, caller, data))
    })
    this.#keep(line, socket, caller)
    const wish = wishOf(request)
    if (wish.stream !== undefined) obey(() => this.#subscribe(line, caller, wish))
  }

  /** Until the socket closes. */
  #keep(line: Line, socket: Socket, caller: StreamCaller): void {
    socket.setNoDelay(true)
    socket.on('error', () => undefined) // 'close' follows
    socket.once('close', () => {
      this.#hub.remove(line)
      this.#admission.leave(caller.address)
    })
    this.#hub.add(line)
    // Revoked since the edge looked: the message of it may have passed before the line was here to hear it.
    caller.isStillGood().then(
      (isGood) => isGood || line.end('revoked'),
      () => undefined,
    )
  }

  #lineOptions(): LineOptions {
    this.#turns = (this.#turns + 1) % PING_BEATS
    const { queuedBytesMax } = this.#deps.limits
    return { turn: this.#turns, queuedBytesMax, onDrop: (reason) => this.#hub.tally.dropped(reason) }
  }

  async #obey(line: SocketLine, caller: StreamCaller, data: RawData): Promise<void> {
    const message = parseClientMessage(Buffer.isBuffer(data) ? data.toString() : '')
    if (message.type === 'subscribe') await this.#subscribe(line, caller, message)
    else this.#hub.unsubscribe(line, channelOf(message, caller).key)
  }

  async #subscribe(line: SocketLine, caller: StreamCaller, wish: Wish): Promise<void> {
    const channel = channelOf(wish, caller)
    if (line.topics.length >= this.#deps.limits.subscriptionsMax) {
      throw new AppError('bad_request', 'Too many subscriptions on one connection')
    }
    this.#hub.subscribe(line, channel, await this.#hold(channel, caller))
  }

  /** A wrong wish is told in a frame, and the socket stays open. */
  async #attempt(line: SocketLine, act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      const known = error instanceof AppError ? error : undefined
      if (known === undefined) this.#deps.log.error({ event: 'streams.message_failed', err: error })
      line.refuse(known?.message ?? 'We encountered an internal error', FRAME_STATUS[known?.code ?? ''] ?? 500)
    }
  }
}

interface Opening {
  owner: LineOwner
  caller: StreamCaller
}

interface EventsOpening extends Opening {
  channel: Channel
  held: Disposable | undefined
  lastEventId: string | undefined
}

/** What error frames say. */
const FRAME_STATUS: Record<string, number> = { bad_request: 400, unauthenticated: 401, unavailable: 503 }

/** The stream that the request itself names: by its path, or by `?stream=`. */
function wishOf({ path, query }: StreamRequest): Wish {
  const onlyMedia = query['only_media'] === 'true' || query['only_media'] === '1'
  const stream = path === '' ? query['stream'] : streamOfPath(path, onlyMedia)
  return { stream, tag: query['tag'], list: query['list'] }
}
