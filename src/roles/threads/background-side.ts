/** How the blocks of the background thread are put at the service of the others. */
import type { Bus } from '../../engines/bus/contract.ts'
import type { Blocks } from '../blocks.ts'
import type { CallHandlers } from './desk.ts'
import { unpackRows } from './packed-rows.ts'

export function deskHandlers({ timelineCache, lives }: Pick<Blocks, 'timelineCache' | 'lives'>): CallHandlers {
  return {
    beginBuild: (owner) => timelineCache.beginBuild(owner),
    finishBuild: (ticket, rows, floor) => timelineCache.finishBuild(ticket, unpackRows(rows), floor),
    abandonBuild: (ticket) => timelineCache.abandonBuild(ticket),
    findLife: (id) => lives.find(id),
  }
}

/** The same bus: what was told before a message was committed is known before the message is handled. */
export function catchingUp(bus: Bus, catchUp: () => void): Bus {
  return {
    publish: (messages) => {
      catchUp()
      return bus.publish(messages)
    },
    join: (...joining) => bus.join(...joining),
    listen: (...listening) => bus.listen(...listening),
    state: () => bus.state(),
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  }
}
