/**
 * One Dunlin per data folder. The lock is a file that names its owner: process id, start time, and the space in which
 * that id counts. It needs no cleaning up: an owner that does not run any more owns nothing.
 *
 * From within another container the owner's id cannot be looked up; there the file's time counts, which the owner
 * renews every `HEARTBEAT_MS`.
 */
import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { systemClock, type Clock } from '../../../kit/clock.ts'
import { AppError } from '../../../kit/errors.ts'
import { processSpace, processStart } from './processes.ts'

const LOCK_FILE = 'dunlin.lock'
export const HEARTBEAT_MS = 2_000
/** Without a heartbeat for so long, an owner that cannot be looked up is gone. */
export const HEARTBEAT_LOST_MS = 10_000
/** Attempts at taking over a lock whose owner is gone, against others who do the same. */
const TAKEOVERS_MAX = 10

export interface LockOwner {
  readonly pid: number
  readonly start: string
  readonly space: string
  /** Tells two locks of one process apart. */
  readonly token: string
}

/** Takes the lock of `dataDir` until disposed. Throws `conflict` when another process has it. */
export async function lockDataFolder(dataDir: string, clock: Clock = systemClock): Promise<AsyncDisposable> {
  const path = join(dataDir, LOCK_FILE)
  const mine = await ownIdentity()
  const draft = `${path}.${mine.token}`
  await writeDraft(draft, mine, dataDir)
  try {
    await take(path, draft, clock)
  } finally {
    await rm(draft, { force: true })
  }
  const heartbeat = setInterval(() => void touch(path, clock), HEARTBEAT_MS)
  heartbeat.unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(heartbeat)
      const owner = await readOwner(path)
      if (owner?.token === mine.token) await rm(path, { force: true })
    },
  }
}

/** Who has the lock of `dataDir` now, if anybody has. */
export async function dataFolderOwner(dataDir: string, clock: Clock = systemClock): Promise<LockOwner | undefined> {
  const path = join(dataDir, LOCK_FILE)
  const owner = await readOwner(path)
  return owner !== undefined && (await isAlive(owner, path, clock)) ? owner : undefined
}

async function take(path: string, draft: string, clock: Clock): Promise<void> {
  for (let attempt = 0; attempt < TAKEOVERS_MAX; attempt += 1) {
    // `link` fails when the name exists: of several only one gets it, and nobody sees half a file.
    if (await linked(draft, path)) return
    const owner = await readOwner(path)
    if (owner !== undefined && (await isAlive(owner, path, clock))) throw inUse(path, owner)
    await setAside(path, owner)
  }
  throw new AppError('conflict', `Several Dunlins take ${path} from each other: start one of them only.`)
}

/** Removes the lock of `dead`, and puts it back if it has become somebody else's meanwhile. */
async function setAside(path: string, dead: LockOwner | undefined): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  )
  if (!moved) return
  const taken = await readOwner(aside)
  if (taken !== undefined && taken.token !== dead?.token) await linked(aside, path)
  await rm(aside, { force: true })
}

async function isAlive(owner: LockOwner, path: string, clock: Clock): Promise<boolean> {
  if (owner.space === (await processSpace())) return (await processStart(owner.pid)) === owner.start
  const seen = await stat(path).catch(() => undefined)
  return seen !== undefined && clock.nowMs() - seen.mtimeMs < HEARTBEAT_LOST_MS
}

async function ownIdentity(): Promise<LockOwner> {
  const start = (await processStart(process.pid)) ?? ''
  return { pid: process.pid, start, space: await processSpace(), token: randomUUID() }
}

async function writeDraft(draft: string, owner: LockOwner, dataDir: string): Promise<void> {
  try {
    await writeFile(draft, `${JSON.stringify(owner)}\n`, { mode: 0o644 })
  } catch (cause) {
    throw new AppError('conflict', `The data folder ${dataDir} cannot be written: ${String(cause)}`, { cause })
  }
}

async function readOwner(path: string): Promise<LockOwner | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  try {
    const value: unknown = JSON.parse(text)
    return isOwner(value) ? value : undefined
  } catch {
    return undefined // empty after a power cut, or no lock of ours
  }
}

function isOwner(value: unknown): value is LockOwner {
  if (typeof value !== 'object' || value === null) return false
  const { pid, start, space, token }: Partial<Record<keyof LockOwner, unknown>> = value
  return Number.isInteger(pid) && typeof start === 'string' && typeof space === 'string' && typeof token === 'string'
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

async function touch(path: string, clock: Clock): Promise<void> {
  const now = clock.nowMs() / 1000
  await utimes(path, now, now).catch(() => undefined) // a missed beat; the next one counts
}

function inUse(path: string, owner: LockOwner): AppError {
  return new AppError(
    'conflict',
    `Another Dunlin (process ${owner.pid}) already uses this data folder (${path}). ` +
      'Stop it first, or give this one a folder of its own with --data-dir.',
  )
}
