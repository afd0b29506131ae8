/**
 * Acts on many timelines (insert, remove …), gathered into few calls. Each shard has one call under way; what comes
 * meanwhile goes together into its next one, so that calls grow with the load. Over all shards few calls are under way: more
 * would not make Redis faster, only its answers later.
 */
import { CacheError, type Reply } from '../../engines/cache/contract.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { Shard } from './shard.ts'

/** Timelines of one call: about a millisecond of Redis' time. */
export const CALL_TIMELINES_MAX = 512
/** Acts of one call: each returns a number from Lua, whose stack is bounded. */
const CALL_ACTS_MAX = 512
/** Calls under way. */
const CALLS_MAX = 16
/** Timelines that wait; more are refused, and the bus brings them again. About 100 bytes each. */
const WAITING_TIMELINES_MAX = 500_000

/** insert: an entry. remove: an id. author: whom to remove. drop: nothing. */
export type ActName = 'insert' | 'remove' | 'author' | 'drop'

/** Where the results of one delivery to several shards come together. */
export class Delivery {
  readonly #outcome = Promise.withResolvers<number>()
  #open = 1
  #changed = 0
  #error: unknown

  /** One more act to wait for. */
  expect(): void {
    this.#open += 1
  }

  /** How many timelines an act changed. */
  done(changed: number): void {
    this.#changed += changed
    this.#settle()
  }

  failed(error: unknown): void {
    this.#error ??= error
    this.#settle()
  }

  /** No more acts are to come. Rejects with the first failure, when all the others have been done. */
  result(): Promise<number> {
    this.#settle()
    return this.#outcome.promise
  }

  #settle(): void {
    this.#open -= 1
    if (this.#open > 0) return
    if (this.#error === undefined) this.#outcome.resolve(this.#changed)
    else this.#outcome.reject(this.#error)
  }
}

/** Something to be done to timelines of one shard, at most CALL_TIMELINES_MAX. */
export interface Act {
  readonly name: ActName
  readonly what: Buffer
  readonly owners: readonly AccountId[]
  readonly delivery: Delivery
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

  /** Tells the act's delivery how it went. */
  add(shard: Shard, act: Act): void {
    const { owners, delivery } = act
    delivery.expect()
    if (this.#waiting + owners.length > WAITING_TIMELINES_MAX) {
      delivery.failed(new CacheError('shed'))
      return
    }
    this.#waiting += owners.length
    let queue = this.#queues.get(shard)
    if (queue === undefined) {
      queue = { shard, acts: [], isListed: false }
      this.#queues.set(shard, queue)
    }
    queue.acts.push(act)
    this.#list(queue)
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
      acts.forEach((act, index) => act.delivery.done(Number(changed[index] ?? 0)))
    } catch (error) {
      // Given up meanwhile: as if its timelines were missing.
      for (const act of acts) {
        if (queue.shard.isGivenUp) act.delivery.done(0)
        else act.delivery.failed(error)
      }
    }
    for (const { owners } of acts) this.#waiting -= owners.length
    this.#calls -= 1
    queue.isListed = false
    this.#list(queue)
    this.#start()
  }
}

/** The oldest acts that fit into one call; an insert that is newer than its neighbours comes after them. */
function takeActs(queue: ShardQueue): Act[] {
  let timelines = 0
  const fits = queue.acts.findIndex(({ owners }, index) => {
    timelines += owners.length
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
  const owners = acts.flatMap((act) => act.owners)
  try {
    return await shard.writeMany('apply', owners, [packActs(acts)])
  } catch (error) {
    if (!(error instanceof CacheError) || error.fault !== 'full') throw error
    // A timeline that cannot take an entry must not stay without it; dropping it makes room as well.
    await shard.writeMany('release', owners, [packActs([{ name: 'drop', what: Buffer.alloc(0), owners }])])
    return []
  }
}

const ACT_BYTES = 3

/** Each: its first letter, the number of its timelines, what it is about. */
function packActs(acts: readonly Pick<Act, 'name' | 'what' | 'owners'>[]): Buffer {
  const packed = Buffer.allocUnsafe(acts.reduce((sum, { what }) => sum + ACT_BYTES + what.length, 0))
  let at = 0
  for (const { name, what, owners } of acts) {
    packed.write(name.charAt(0), at, 'latin1')
    packed.writeUInt16BE(owners.length, at + 1)
    what.copy(packed, at + ACT_BYTES)
    at += ACT_BYTES + what.length
  }
  return packed
}
