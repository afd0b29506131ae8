/** F8: the disk under the data folder is full while people write. Needs the right to mount a small file system. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

import { CrashChecks, failuresIn } from './crash-checks.ts'
import { Load } from './crash-load.ts'
import { CrashWorld, openFolder } from './crash-world.ts'

const run = promisify(execFile)
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const DISK = 'size=400m,mode=755'
const FULL_MS = 4_000
/** Somebody has met the full disk by then. */
const NOTED_MS_MAX = 60_000
/** A log that fills what is left, or hides the cause, is a fault of its own (F44). */
const LINES_MAX = 100
/** Self-recovery, without anybody's help (I15). */
const BACK_MS_MAX = 60_000

async function smallDisk(t: TestContext): Promise<({ path: string } & AsyncDisposable) | undefined> {
  const folder = await openFolder()
  try {
    await run('mount', ['-t', 'tmpfs', '-o', DISK, 'tmpfs', folder.path])
  } catch (error) {
    await folder[Symbol.asyncDispose]()
    t.skip(`no file system may be mounted: ${String(error).slice(0, 100)}`)
    return undefined
  }
  return {
    path: folder.path,
    async [Symbol.asyncDispose]() {
      await run('umount', ['-l', folder.path])
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Takes every byte that is left. */
async function fill(path: string): Promise<void> {
  await using file = await open(path, 'w')
  const chunk = Buffer.alloc(1 << 20)
  const { bavail, bsize } = await statfs(path)
  for (let left = bavail * bsize; left > 0; left -= chunk.length) {
    await file.write(chunk).catch(() => (left = 0))
  }
  for (let size = 1 << 16; size >= 512; size /= 2) await file.write(Buffer.alloc(size)).catch(() => undefined)
}

test(`a full disk refuses writes for a while and loses nothing (SEED=${SEED})`, async (t) => {
  await using disk = await smallDisk(t)
  if (disk === undefined) return
  await using world = await CrashWorld.open(disk.path)
  const record = await world.people()
  using load = new Load(world, record, SEED, 'disk')
  await sleep(1_500)
  const ballast = join(disk.path, 'ballast')
  const linesBefore = world.output.split('\n').length
  await fill(ballast)
  await sleep(FULL_MS)
  const deadlineMs = performance.now() + NOTED_MS_MAX
  while (!/No space left on device/.test(world.output) && performance.now() < deadlineMs) await sleep(10)
  await rm(ballast)
  assert.match(world.output, /No space left on device/, 'the log says what is wrong')
  const lines = world.output.split('\n').length - linesBefore
  assert.ok(lines < LINES_MAX, `${lines} lines of log`)
  const freedMs = performance.now()
  while (load.lastAcknowledgedMs < freedMs && performance.now() < freedMs + BACK_MS_MAX) await sleep(10)
  assert.ok(load.lastAcknowledgedMs >= freedMs, `no write was acknowledged any more: ${record.wrongAnswers[0] ?? ''}`)
  const backMs = load.lastAcknowledgedMs - freedMs
  await sleep(500)
  await load.stop()
  await world.quiesce()
  const findings = await new CrashChecks(world.url, record).all()
  const { operations, uncertain } = record.counts
  console.log(
    `full disk: ${operations} operations (${uncertain} without an answer at first), ${findings.lost.length} lost, ` +
      `${findings.doubled.length} doubled, ${findings.wronglyShown.length} wrongly shown, back ${(backMs / 1_000).toFixed(1)} s ` +
      `after there was room`,
  )
  assert.deepEqual(failuresIn(findings).slice(0, 20), [])
})
