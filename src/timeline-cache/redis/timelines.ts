/** The timeline cache in Redis or Valkey, alone or as a cluster. `layout.ts` has the picture, `timelines.lua` the work. */
import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { CacheError, type Cache } from '../../engines/cache/contract.ts'
import type { Clock, SteadyClock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import type { Page } from '../../kit/page.ts'
import type { AccountId, StatusId } from '../../snowflake/contract.ts'
import { BUILD_LEASE_MS } from '../contract.ts'
import type { BuildTicket, TimelineCache, TimelineCacheStats, TimelineEntry, TimelinePage } from '../contract.ts'
import { CALL_TIMELINES_MAX, Deliveries, Delivery, type ActName } from './deliveries.ts'
import {
  keysPrefix,
  packAuthor,
  packEntries,
  packId,
  packRising,
  ShardHash,
  SHARDS_PRESET,
  unpackRead,
} from './layout.ts'
import { OwnerGroups } from './owner-groups.ts'
import { Shard } from './shard.ts'

/** How often every shard is compared with what was written to it; also the age of `stats().bytes`. */
const VISIT_EVERY_MS = 5_000
/** While a shard cannot be relied upon. */
const VISIT_AGAIN_MS = 500
/** A timeline that is read all the time is noted as read this often: noting is a write. */
const READ_NOTED_EVERY_MS = 20_000
const EPOCH_MAX = 2 ** 48 - 1

export interface RedisTimelinesOptions {
  cache: Cache
  /** The name of `timelineLibrary()`, which the cache has to have. */
  library: string
  /** SHARDS_PRESET if not given; all processes that share a cache say the same. */
  shards?: number
  /** Every timeline that is there counts as missing: whoever fills them forgot what it must know of them. */
  startsEmpty?: boolean
  clock: Clock
  steady: SteadyClock
  log: Log
}

/** Opens also when the cache cannot be reached: calls are `unavailable` until it can. Does not close the cache. */
export async function openRedisTimelines(options: RedisTimelinesOptions): Promise<TimelineCache> {
  const timelines = new RedisTimelines(options)
  await timelines.open()
  return timelines
}

class RedisTimelines implements TimelineCache {
  readonly #options: RedisTimelinesOptions
  readonly #shards: readonly Shard[]
  readonly #hash: ShardHash
  readonly #groups: OwnerGroups
  readonly #deliveries = new Deliveries()
  readonly #stop = new AbortController()
  #rounds: Promise<void> = Promise.resolve()
  #round: Promise<void> | undefined
  #bytes = 0
  #bytesLimit = 0

  constructor(options: RedisTimelinesOptions) {
    this.#options = options
    const writer = `w${randomBytes(9).toString('base64url')}`
    const { shards = SHARDS_PRESET } = options
    this.#hash = new ShardHash(shards)
    this.#groups = new OwnerGroups(this.#hash, shards)
    this.#shards = Array.from({ length: shards }, (_, index) => new Shard(index, shards, { ...options, writer }))
  }

  async open(): Promise<void> {
    if (this.#options.startsEmpty === true) for (const shard of this.#shards) shard.distrust()
    await this.#visitAll()
    for (const shard of this.#shards) if (!shard.isTrusted) shard.distrust()
    this.#rounds = this.#keepVisiting()
  }

  insert(entry: TimelineEntry, owners: readonly AccountId[]): Promise<number> {
    return this.#deliver('insert', packEntries([entry]), owners)
  }

  remove(id: StatusId, owners: readonly AccountId[]): Promise<number> {
    return this.#deliver('remove', packId(id), owners)
  }

  async removeAuthor(owner: AccountId, author: AccountId): Promise<void> {
    await this.#deliver('author', packAuthor(author), [owner])
  }

  async drop(owner: AccountId): Promise<void> {
    await this.#deliver('drop', Buffer.alloc(0), [owner])
  }

  async read(owner: AccountId, page: Page): Promise<TimelinePage | undefined> {
    const shard = await this.#usable(owner)
    if (shard === undefined) return undefined
    const { minId, sinceId, maxId, limit } = page
    const above = minId ?? sinceId
    const key = shard.keyOf(owner)
    const reply = await this.#options.cache.call({
      name: `${this.#options.library}_read`,
      readOnly: true,
      keys: [shard.record, key],
      args: [
        maxId === undefined ? '' : packId(maxId),
        above === undefined ? '' : packId(above + 1n),
        minId === undefined ? '0' : '1',
        limit,
      ],
    })
    if (reply === null || shard.isGivenUp) return undefined
    assert(Buffer.isBuffer(reply))
    const { lastReadMs, ...read } = unpackRead(reply)
    this.#noteRead(key, lastReadMs)
    return read
  }

  async beginBuild(owner: AccountId): Promise<BuildTicket | undefined> {
    const shard = await this.#usable(owner)
    if (shard === undefined) return undefined
    const epoch = randomInt(1, EPOCH_MAX)
    const args = [this.#options.clock.nowMs(), BUILD_LEASE_MS, epoch]
    const [begun] = await shard.write('begin_build', [shard.keyOf(owner)], args)
    return begun === 1 ? { owner, epoch } : undefined
  }

  async finishBuild({ owner, epoch }: BuildTicket, entries: readonly TimelineEntry[], floor: bigint): Promise<boolean> {
    const shard = await this.#usable(owner)
    if (shard === undefined) return false
    const args = [epoch, packId(floor), packRising(entries)]
    const [finished] = await shard.write('finish_build', [shard.keyOf(owner)], args)
    return finished === 1
  }

  async abandonBuild({ owner, epoch }: BuildTicket): Promise<void> {
    const shard = await this.#usable(owner)
    await shard?.write('abandon_build', [shard.keyOf(owner)], [epoch])
  }

  async merge(owner: AccountId, entries: readonly TimelineEntry[], floor: bigint): Promise<void> {
    const shard = await this.#usable(owner)
    if (shard === undefined) return
    try {
      await shard.write('merge', [shard.keyOf(owner)], [packId(floor), packRising(entries)])
    } catch (error) {
      if (error instanceof CacheError && error.fault === 'full') return this.drop(owner)
      if (!shard.isGivenUp) throw error
    }
  }

  async dropUnread(beforeMs: number): Promise<number> {
    const kept = new Map<Shard, { timelines: number; entries: number }>()
    let dropped = 0
    for await (const keys of this.#options.cache.keys(keysPrefix(this.#shards.length))) {
      for (const [shard, own] of this.#groupKeys(keys)) {
        for (let from = 0; from < own.length; from += CALL_TIMELINES_MAX) {
          const part = own.slice(from, from + CALL_TIMELINES_MAX)
          const swept = (await shard.write('sweep', part, [beforeMs])).map(Number)
          const [gone = 0, timelines = 0, entries = 0] = swept
          const sum = kept.get(shard) ?? { timelines: 0, entries: 0 }
          dropped += gone
          kept.set(shard, { timelines: sum.timelines + timelines, entries: sum.entries + entries })
        }
      }
    }
    for (const [shard, { timelines, entries }] of kept) await shard.write('recount', [], [timelines, entries])
    return dropped
  }

  shardOf(owner: AccountId): string {
    return this.#shard(owner).name
  }

  stats(): TimelineCacheStats {
    return {
      present: this.#shards.reduce((sum, { timelines }) => sum + timelines, 0),
      entries: this.#shards.reduce((sum, { entries }) => sum + entries, 0),
      bytes: this.#bytes,
      bytesLimit: this.#bytesLimit,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#rounds
  }

  #shard(owner: AccountId): Shard {
    const shard = this.#shards[this.#hash.of(owner)]
    assert(shard !== undefined)
    return shard
  }

  /** Undefined when all of the shard counts as missing. Throws CacheError when nothing can be said. */
  async #usable(owner: AccountId): Promise<Shard | undefined> {
    const shard = this.#shard(owner)
    if (shard.isGivenUp) return undefined
    if (!shard.isTrusted) await this.#visitAll()
    if (!shard.isTrusted) throw new CacheError('down')
    return shard
  }

  /** Reaches the shards it can before it throws. */
  async #deliver(name: ActName, what: Buffer, owners: readonly AccountId[]): Promise<number> {
    const groups = this.#groups.of(owners)
    if (this.#shards.some(({ isTrusted }, index) => !isTrusted && groups[index]?.length !== 0)) await this.#visitAll()
    const delivery = new Delivery()
    for (const [index, shard] of this.#shards.entries()) {
      const own = groups[index] ?? []
      if (own.length === 0) continue
      if (!shard.isTrusted) shard.missWrite()
      if (shard.isGivenUp) continue
      for (let from = 0; from < own.length; from += CALL_TIMELINES_MAX) {
        const part = own.length <= CALL_TIMELINES_MAX ? own : own.slice(from, from + CALL_TIMELINES_MAX)
        this.#deliveries.add(shard, { name, what, owners: part, delivery })
      }
    }
    return delivery.result()
  }

  /** Keys as a walk finds them: some twice, records among them. */
  #groupKeys(keys: readonly string[]): Map<Shard, string[]> {
    const groups = new Map<Shard, string[]>()
    for (const key of new Set(keys)) {
      const shard = this.#shards[Number(/\{s(\d+)\}:/.exec(key)?.[1])]
      if (shard === undefined || shard.isGivenUp) continue
      groups.set(shard, [...(groups.get(shard) ?? []), key])
    }
    return groups
  }

  #noteRead(key: string, lastReadMs: number): void {
    const { cache, clock, library, log } = this.#options
    const nowMs = clock.nowMs()
    if (nowMs - lastReadMs < READ_NOTED_EVERY_MS) return
    // Nobody waits for it; if it fails, the next read notes it.
    cache
      .call({ name: `${library}_touch`, keys: [key], args: [nowMs] })
      .catch((error: unknown) => log.debug({ event: 'timelines.read_not_noted', error }))
  }

  async #keepVisiting(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const isWell = this.#shards.every(({ isTrusted, isGivenUp }) => isTrusted && !isGivenUp)
      const pauseMs = isWell ? VISIT_EVERY_MS : VISIT_AGAIN_MS
      await sleep(pauseMs, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined)
      if (!this.#stop.signal.aborted) await this.#visitAll()
    }
  }

  /** Visits every shard that can be reached. Never throws. */
  #visitAll(): Promise<void> {
    this.#round ??= this.#visitEach().finally(() => {
      this.#round = undefined
    })
    return this.#round
  }

  async #visitEach(): Promise<void> {
    const { cache, log } = this.#options
    const servers = await cache.servers()
    const runs = new Map(servers.map(({ address, run }) => [address, run]))
    const visits = this.#shards.map(async (shard) => {
      const run = runs.get(cache.addressOf(shard.record))
      if (run !== undefined) await shard.visit(run)
    })
    const failed = (await Promise.allSettled(visits)).find((visit) => visit.status === 'rejected')
    if (failed !== undefined) log.debug({ event: 'timelines.visit_failed', error: failed.reason })
    if (servers.length === 0) return
    this.#bytes = servers.reduce((sum, { usedBytes }) => sum + usedBytes, 0)
    this.#bytesLimit = servers.reduce((sum, { limitBytes }) => sum + limitBytes, 0)
  }
}
