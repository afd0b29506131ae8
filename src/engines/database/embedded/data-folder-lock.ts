/**
 * One Dunlin per data folder. Whoever wants it puts a file of its own there (`dunlin.lock.<token>`: process id, start time,
 * and the space in which that id counts) and has the folder when nobody else's is there. First announce, then look: of
 * two that come at once at least one sees the other. Of several the one with the smallest token stays and the others
 * step back; nothing of a living process is ever removed by another.
 *
 * It needs no cleaning up: the file of a process that does not run any more counts for nothing. From within another
 * container the process cannot be looked up; there the file's time counts, which its owner renews every `HEARTBEAT_MS`.
 */
import { randomUUID } from 'node:crypto'
import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { systemClock, type Clock } from '../../../kit/clock.ts'
import { AppError } from '../../../kit/errors.ts'
import { processSpace, processStart } from './processes.ts'

const PREFIX = 'dunlin.lock.'
export const HEARTBEAT_MS = 2_000
/** Without a heartbeat for so long, an owner that cannot be looked up is gone. */
export const HEARTBEAT_LOST_MS = 10_000
/** Others that came at the same moment step back within this time; who is still there has the folder. */
const CONTENTION_MS_MAX = 300
const CONTENTION_POLL_MS = 10

export interface LockOwner {
  readonly pid: number
  readonly start: string
  readonly space: string
  /** Tells two locks of one process apart. */
  readonly token: string
}

/** Takes the lock of `dataDir` until disposed. Throws `conflict` when another process has it. */
export async function lockDataFolder(dataDir: string, clock: Clock = systemClock): Promise<AsyncDisposable> {
  const token = randomUUID()
  const mine: LockOwner = {
    pid: process.pid,
    start: (await processStart(process.pid)) ?? '',
    space: await processSpace(),
    token,
  }
  const path = join(dataDir, PREFIX + token)
  try {
    await contend(dataDir, mine, clock)
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
  const heartbeat = setInterval(() => void touch(path, clock), HEARTBEAT_MS)
  heartbeat.unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(heartbeat)
      await rm(path, { force: true })
    },
  }
}

/** Who has the lock of `dataDir` now, if anybody has. */
export async function dataFolderOwner(dataDir: string, clock: Clock = systemClock): Promise<LockOwner | undefined> {
  const [owner] = await livingOwners(dataDir, clock)
  return owner
}

async function contend(dataDir: string, mine: LockOwner, clock: Clock): Promise<void> {
  const deadlineMs = clock.nowMs() + CONTENTION_MS_MAX
  let announced = false
  for (;;) {
    const others = (await livingOwners(dataDir, clock)).filter(({ token }) => token !== mine.token)
    const [first] = others
    if (first === undefined && announced) return
    if (first !== undefined && clock.nowMs() > deadlineMs) throw inUse(dataDir, first)
    if (first === undefined) {
      await announce(dataDir, mine)
      announced = true
      continue // and look once more
    }
    if (announced && first.token < mine.token) {
      await rm(join(dataDir, PREFIX + mine.token), { force: true })
      announced = false
    }
    await clock.sleep(CONTENTION_POLL_MS)
  }
}

/** Written beside its name and renamed: nobody sees half a file. */
async function announce(dataDir: string, mine: LockOwner): Promise<void> {
  const draft = join(dataDir, `.${PREFIX}${mine.token}`)
  try {
    await writeFile(draft, `${JSON.stringify(mine)}\n`, { mode: 0o644 })
    await rename(draft, join(dataDir, PREFIX + mine.token))
  } catch (cause) {
    throw new AppError('conflict', `The data folder ${dataDir} cannot be written: ${String(cause)}`, { cause })
  }
}

/** Owners that run, by token; the files of the others are removed. */
async function livingOwners(dataDir: string, clock: Clock): Promise<LockOwner[]> {
  const space = await processSpace()
  const living: LockOwner[] = []
  const names = await readdir(dataDir)
  for (const name of names.filter((candidate) => candidate.startsWith(PREFIX)).toSorted()) {
    const path = join(dataDir, name)
    const text = await readIfThere(path)
    if (text === undefined) continue // given back meanwhile
    const owner = parseOwner(text)
    if (owner !== undefined && (await isAlive(owner, { path, space, clock }))) living.push(owner)
    // A reader without the right to remove it leaves it to the next owner.
    else await rm(path, { force: true }).catch(() => undefined)
  }
  return living
}

async function isAlive(owner: LockOwner, here: { path: string; space: string; clock: Clock }): Promise<boolean> {
  if (owner.space === here.space) return (await processStart(owner.pid)) === owner.start
  const seen = await stat(here.path).catch(() => undefined)
  return seen !== undefined && here.clock.nowMs() - seen.mtimeMs < HEARTBEAT_LOST_MS
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw new AppError('conflict', `${path} cannot be read: start Dunlin as the user that started it before.`, {
      cause,
    })
  }
}

/** What the file says; undefined when it says nothing, as after a power cut. */
function parseOwner(text: string): LockOwner | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isOwner(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isOwner(value: unknown): value is LockOwner {
  if (typeof value !== 'object' || value === null) return false
  const { pid, start, space, token }: Partial<Record<keyof LockOwner, unknown>> = value
  return Number.isInteger(pid) && typeof start === 'string' && typeof space === 'string' && typeof token === 'string'
}

async function touch(path: string, clock: Clock): Promise<void> {
  const now = clock.nowMs() / 1000
  await utimes(path, now, now).catch(() => undefined) // a missed beat; the next one counts
}

function inUse(dataDir: string, owner: LockOwner): AppError {
  return new AppError(
    'conflict',
    `Another Dunlin (process ${owner.pid}) already uses the data folder ${dataDir}. ` +
      'Stop it first, or give this one a folder of its own with --data-dir.',
  )
}
