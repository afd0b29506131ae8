import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'

import {
  dataFolderOwner,
  HEARTBEAT_LOST_MS,
  lockDataFolder,
  type LockOwner,
} from '../../src/engines/database/embedded/data-folder-lock.ts'
import { processSpace, processStart } from '../../src/engines/database/embedded/processes.ts'
import { AppError } from '../../src/kit/errors.ts'

async function folder(): Promise<{ path: string; lock: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'dunlin-lock-'))
  return {
    path,
    lock: join(path, 'dunlin.lock.another'),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

async function lockOf(parts: Partial<LockOwner>): Promise<string> {
  const start = (await processStart(process.pid)) ?? ''
  return JSON.stringify({ pid: process.pid, start, space: await processSpace(), token: 'another', ...parts })
}

const isRefusal = (error: unknown): boolean => {
  assert.ok(error instanceof AppError, String(error))
  assert.equal(error.code, 'conflict')
  return true
}

test('a folder has one owner at a time, and is free again afterwards', async () => {
  await using data = await folder()
  {
    await using _lock = await lockDataFolder(data.path)
    assert.equal((await dataFolderOwner(data.path))?.pid, process.pid)
    await assert.rejects(lockDataFolder(data.path), isRefusal)
  }
  assert.equal(await dataFolderOwner(data.path), undefined)
  assert.deepEqual(await readdir(data.path), [])
  await using _again = await lockDataFolder(data.path)
})

test('of many that come at once exactly one gets it, also when it was left behind', async () => {
  const left = [undefined, await lockOf({ start: 'another process of that number' }), '{"half', '']
  for (const text of Array.from({ length: 3 }, () => left).flat()) {
    await using data = await folder()
    if (text !== undefined) await writeFile(data.lock, text)
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataFolder(data.path)))
    const locks = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    assert.equal(locks.length, 1)
    assert.equal((await readdir(data.path)).length, 1)
    for (const lock of locks) await lock[Symbol.asyncDispose]()
  }
})

test('an owner is known by its start time: a number given to another process since owns nothing', async () => {
  await using data = await folder()
  await writeFile(data.lock, await lockOf({ start: '1' }))
  assert.equal(await dataFolderOwner(data.path), undefined)
  await using _lock = await lockDataFolder(data.path)
})

test('an owner in another container counts as long as its heartbeat is fresh', async () => {
  await using data = await folder()
  await writeFile(data.lock, await lockOf({ space: 'another container', pid: 7 }))
  await assert.rejects(lockDataFolder(data.path), isRefusal)
  const longAgo = (Date.now() - HEARTBEAT_LOST_MS - 1_000) / 1_000
  await utimes(data.lock, longAgo, longAgo)
  await using _lock = await lockDataFolder(data.path)
})

test('giving back removes only what is one’s own', async () => {
  await using data = await folder()
  const lock = await lockDataFolder(data.path)
  const others = await lockOf({})
  await writeFile(data.lock, others)
  await lock[Symbol.asyncDispose]()
  assert.deepEqual(await readdir(data.path), ['dunlin.lock.another'])
  assert.equal(await readFile(data.lock, 'utf8'), others)
})

test('a folder that cannot be written is told as that', async () => {
  await assert.rejects(lockDataFolder('/proc'), /\/proc cannot be written/)
})
