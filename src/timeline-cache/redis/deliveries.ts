/**
 * Acts on many timelines (insert, remove …), gathered into few calls. Each shard has one call under way; what comes
 * meanwhile goes together into its next one, so that calls grow with the load. Over all shards few calls are under way: more
 * would not make Redis faster, only its answers later.
 */
import { CacheError, type Reply } from '../../engines/cache/contract.ts'
import type { Shard } from './shard.ts'

/** Timelines of one call: about a millisecond of Redis' time. */
export const CALL_TIMELINES_MAX = 512
/** Acts of one call: each returns a number from Lua, whose stack is bounded. */
const CALL_ACTS_MAX = 512
/** Calls under way. */
const CALLS_MAX = 8
/** Timelines that wait; more are refused, and the bus brings them again. About 100 bytes each. */
const WAITING_TIMELINES_MAX = 500_000

export type ActName = 'insert' | 'remove' | 'remove_author' | 'drop'

interface Act {
  readonly name: ActName
  readonly what: Buffer
  readonly keys: readonly string[]
  readonly done: (changed: number) => void
  readonly failed: (error: unknown) => void
}

interface ShardQueue {
  readonly shard: Shard
  acts: Act[]
  /** Has a call under way, or waits for its turn. */
  isListed: boolean
}

export class Deliveries {
  readonly #queues = new Map<Shard, ShardQueue>()
  #turns: ShardQueue[] = []
  #isStarting = false
  #calls = 0
  #waiting = 0

  /** Acts on timelines of one shard; returns how many it changed. Throws CacheError. */
  act(shard: Shard, name: ActName, what: Buffer, keys: readonly string[]): Promise<number> {
    if (this.#waiting + keys.length > WAITING_TIMELINES_MAX) return Promise.reject(new CacheError('shed'))
    this.#waiting += keys.length
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    let queue = this.#queues.get(shard)
    if (queue === undefined) {
      queue = { shard, acts: [], isListed: false }
      this.#queues.set(shard, queue)
    }
    queue.acts.push({ name, what, keys, done: resolve, failed: reject })
    this.#list(queue)
    return promise
  }

  #list(queue: ShardQueue): void {
    if (queue.isListed || queue.acts.length === 0) return
    queue.isListed = true
    this.#turns.push(queue)
    if (this.#isStarting) return
    this.#isStarting = true
    // What else comes in this turn of the event loop goes with it.
    setImmediate(() => {
      this.#isStarting = false
      this.#start()
    })
  }

  #start(): void {
    while (this.#calls < CALLS_MAX) {
      const queue = this.#turns.shift()
      if (queue === undefined) return
      void this.#send(queue)
    }
  }

  async #send(queue: ShardQueue): Promise<void> {
    this.#calls += 1
    const acts = takeActs(queue)
    try {
      const changed = await callActs(queue.shard, acts)
      acts.forEach((act, index) => act.done(Number(changed[index] ?? 0)))
    } catch (error) {
      // Given up meanwhile: as if its timelines were missing.
      for (const act of acts) {
        if (queue.shard.isGivenUp) act.done(0)
        else act.failed(error)
      }
    }
    for (const { keys } of acts) this.#waiting -= keys.length
    this.#calls -= 1
    queue.isListed = false
    this.#list(queue)
    this.#start()
  }
}

/** The oldest acts that fit into one call; an insert that is newer than its neighbours comes after them. */
function takeActs(queue: ShardQueue): Act[] {
  let timelines = 0
  const fits = queue.acts.findIndex(({ keys }, index) => {
    timelines += keys.length
    return index > 0 && (timelines > CALL_TIMELINES_MAX || index >= CALL_ACTS_MAX)
  })
  const taken = fits < 0 ? queue.acts : queue.acts.slice(0, fits)
  queue.acts = fits < 0 ? [] : queue.acts.slice(fits)
  return taken.some(isOutOfOrder) && taken.every(({ name }) => name === 'insert') ? taken.toSorted(byId) : taken
}

function isOutOfOrder(act: Act, index: number, acts: readonly Act[]): boolean {
  const next = acts[index + 1]
  return next !== undefined && byId(act, next) > 0
}

/** An id's bytes begin with the highest. */
function byId(a: Act, b: Act): number {
  return a.what.compare(b.what)
}

async function callActs(shard: Shard, acts: readonly Act[]): Promise<readonly Reply[]> {
  const keys = acts.flatMap((act) => act.keys)
  try {
    const args = acts.flatMap(({ name, what, keys: { length } }) => [name, what, length])
    return await shard.write('apply', keys, args, { bulk: true })
  } catch (error) {
    if (!(error instanceof CacheError) || error.fault !== 'full') throw error
    // A timeline that cannot take an entry must not stay without it; dropping it makes room as well.
    await shard.write('release', keys, ['drop', '', keys.length], { bulk: true })
    return []
  }
}
