import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

import type { Files } from '../../src/engines/files/contract.ts'
import { openDiskFiles } from '../../src/engines/files/disk.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { AppError } from '../../src/kit/errors.ts'
import { filesContract } from './files.ts'

const run = promisify(execFile)

const unavailable = (text: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === 'unavailable' && text.test(error.message)

interface Folder extends AsyncDisposable {
  path: string
}

async function temporaryFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'dunlin-files-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

filesContract('disk', async (): Promise<Files> => {
  const folder = await temporaryFolder()
  const files = await openDiskFiles(join(folder.path, 'files'), systemClock)
  return {
    put: files.put.bind(files),
    open: files.open.bind(files),
    size: files.size.bind(files),
    delete: files.delete.bind(files),
    usage: files.usage.bind(files),
    async [Symbol.asyncDispose]() {
      await files[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
})

test('disk: files outlive the process, and what a crash left half written is removed after a day', async () => {
  await using folder = await temporaryFolder()
  const incoming = join(folder.path, 'incoming')
  await using before = await openDiskFiles(folder.path, systemClock)
  await before.put('kept', Buffer.from('kept'))
  await writeFile(join(incoming, 'fresh'), 'half')
  await writeFile(join(incoming, 'abandoned'), 'half')
  const twoDaysAgo = new Date(Date.now() - 2 * 24 * 3_600_000)
  await utimes(join(incoming, 'abandoned'), twoDaysAgo, twoDaysAgo)
  await using after = await openDiskFiles(folder.path, systemClock)
  assert.equal(await after.size('kept'), 4)
  assert.deepEqual(await readdir(incoming), ['fresh'])
  assert.deepEqual(await after.usage(), { files: 1, bytes: 4 })
})

test('F9: a folder that vanished or is a file makes puts unavailable, and reads find nothing', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'mount')
  await using files = await openDiskFiles(path, systemClock)
  await files.put('a', Buffer.from('a'))
  await rm(path, { recursive: true })
  await assert.rejects(files.put('b', Buffer.from('b')), unavailable(/cannot be reached/))
  assert.equal(await files.open('a'), undefined)
  await assert.rejects(files.usage(), unavailable(/cannot be reached/))
  // It comes back.
  await mkdir(join(path, 'incoming'), { recursive: true })
  await files.put('b', Buffer.from('b'))
  assert.equal(await files.size('b'), 1)

  const file = join(folder.path, 'file')
  await writeFile(file, '')
  await assert.rejects(openDiskFiles(file, systemClock), AppError)
})

test('F9: a folder that may not be written makes puts unavailable', async (context) => {
  await using folder = await temporaryFolder()
  const unmount = await mountSmall(folder.path)
  if (unmount === undefined && isRoot()) return context.skip('nothing is forbidden to this user')
  try {
    await using files = await openDiskFiles(folder.path, systemClock)
    await files.put('a', Buffer.from('a'))
    if (unmount === undefined) await chmod(join(folder.path, 'incoming'), 0o500)
    else await run('mount', ['-o', 'remount,ro', folder.path])
    await assert.rejects(files.put('b', Buffer.from('b')), unavailable(/cannot be reached/))
    assert.equal(await files.size('a'), 1)
  } finally {
    await unmount?.()
  }
})

test('F8: a full disk is said to be full, leaves no half file, and takes files again when there is room', async (context) => {
  await using folder = await temporaryFolder()
  const unmount = await mountSmall(folder.path)
  if (unmount === undefined) return context.skip('a small file system cannot be mounted here')
  try {
    await using files = await openDiskFiles(folder.path, systemClock)
    await files.put('first', Buffer.alloc(600_000))
    await assert.rejects(files.put('second', Buffer.alloc(600_000)), unavailable(/disk of the server is full/))
    assert.equal(await files.open('second'), undefined)
    assert.deepEqual(await readdir(join(folder.path, 'incoming')), [])
    await files.delete('first')
    await files.put('second', Buffer.alloc(600_000))
    assert.equal(await files.size('second'), 600_000)
  } finally {
    await unmount()
  }
})

function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** A file system of 1 MiB in memory; gives the function that unmounts it, or undefined where that is not allowed. */
async function mountSmall(path: string): Promise<(() => Promise<void>) | undefined> {
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path])
  } catch {
    return undefined
  }
  return async () => {
    await run('umount', [path])
  }
}
