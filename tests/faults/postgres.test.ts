/** F1–F4 of reliability.md at the level of the engine: the embedded PostgreSQL and the processes around it. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { chmod, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { openDatabase } from '../../src/engines/database/connection.ts'
import { asAccount, postgresAccount } from '../../src/engines/database/embedded/account.ts'
import { readPidFile } from '../../src/engines/database/embedded/pid-file.ts'
import { isPostmaster, processStart } from '../../src/engines/database/embedded/processes.ts'
import { runningPostgres, startEmbeddedPostgres } from '../../src/engines/database/embedded/start.ts'
import { AppError } from '../../src/kit/errors.ts'
import { silentLog, type Log } from '../../src/kit/log.ts'

const MAJOR = '18'

async function dataFolder(): Promise<{ path: string; cluster: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'dunlin-fault-'))
  await chmod(path, 0o755)
  return {
    path,
    cluster: join(path, 'postgres', MAJOR),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }),
  }
}

/** Starts `postgres-owner.ts`; resolves when it is ready. `committed` grows while it writes. */
async function owner(
  dataDir: string,
  ending = 'write',
): Promise<{ child: ChildProcess; committed: bigint[]; exited: Promise<unknown> }> {
  const script = join(import.meta.dirname, 'postgres-owner.ts')
  const child = spawn(process.execPath, [script, dataDir, ending], { stdio: ['ignore', 'pipe', 'inherit'] })
  const committed: bigint[] = []
  const exited = new Promise((resolve) => child.once('exit', resolve))
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [word, number = ''] = line.split(' ')
      if (word === 'committed') committed.push(BigInt(number))
      if (word === 'ready') resolve()
    })
    child.once('exit', (code, signal) => reject(new Error(`the owner ended early (${code} ${signal})`)))
  })
  return { child, committed, exited }
}

async function pidOf(cluster: string): Promise<number> {
  const file = await readPidFile(cluster)
  assert.ok(file !== undefined, 'there is a postmaster.pid')
  return file.pid
}

test('F1: after a kill -9 of the process, the next start stops the orphaned server and has every acknowledged row', async () => {
  await using data = await dataFolder()
  const victim = await owner(data.path)
  while (victim.committed.length < 200) await sleep(10)
  const orphan = await pidOf(data.cluster)
  victim.child.kill('SIGKILL')
  await victim.exited
  assert.equal(await isPostmaster(orphan, data.cluster), true, 'the server has outlived its parent')

  const startedMs = performance.now()
  await using postgres = await startEmbeddedPostgres({ dataDir: data.path, log: silentLog })
  assert.ok(performance.now() - startedMs < 60_000)
  assert.equal(await isPostmaster(orphan, data.cluster), false)
  await using database = openDatabase({ connection: postgres.connection, poolSize: 2, log: silentLog })
  const rows = await database.rows<{ n: bigint }>`select n from written order by n`
  const written = rows.map((row) => row.n)
  assert.deepEqual(written.slice(0, victim.committed.length), victim.committed)
  assert.ok(written.length <= victim.committed.length + 1, 'at most the one under way is there besides')
})

test('F1: killed again and again at any moment, nothing acknowledged is ever lost', async () => {
  await using data = await dataFolder()
  const acknowledged = new Set<bigint>()
  for (const afterMs of [5, 60, 150, 0]) {
    const victim = await owner(data.path)
    await sleep(afterMs)
    victim.child.kill('SIGKILL')
    await victim.exited
    for (const n of victim.committed) acknowledged.add(n)
  }
  await using postgres = await startEmbeddedPostgres({ dataDir: data.path, log: silentLog })
  await using database = openDatabase({ connection: postgres.connection, poolSize: 2, log: silentLog })
  const rows = await database.rows<{ n: bigint }>`select n from written`
  const written = new Set(rows.map((row) => row.n))
  assert.deepEqual(
    [...acknowledged].filter((n) => !written.has(n)),
    [],
  )
})

test('a process that ends without closing anything takes its server with it', async () => {
  await using data = await dataFolder()
  const leaver = await owner(data.path, 'exit')
  const server = await pidOf(data.cluster)
  assert.equal(await leaver.exited, 3)
  const deadlineMs = performance.now() + 10_000
  while ((await isPostmaster(server, data.cluster)) && performance.now() < deadlineMs) await sleep(20)
  assert.equal(await isPostmaster(server, data.cluster), false)
})

test('F2: a server that is killed comes back by itself; meanwhile statements are unavailable, with a time to retry', async () => {
  await using data = await dataFolder()
  const said: string[] = []
  await using postgres = await startEmbeddedPostgres({ dataDir: data.path, log: collecting(said) })
  await using database = openDatabase({ connection: postgres.connection, poolSize: 4, log: silentLog })
  await database.run`create table written (n int8 primary key)`
  for (let round = 1n; round <= 2n; round += 1n) {
    await database.run`insert into written values (${round})`
    const before = postgres.pid()
    assert.ok(before !== undefined)
    process.kill(before, 'SIGKILL')
    while (postgres.state() === 'up') await sleep(5)
    await sleep(100) // its sessions notice by themselves, a moment later
    const failures = await untilAnswered(() => database.run`select 1`)
    assert.ok(failures.length > 0, 'the outage was seen')
    for (const failure of failures) {
      assert.ok(failure instanceof AppError, String(failure))
      assert.equal(failure.code, 'unavailable')
      assert.ok((failure.retryAfterSeconds ?? 0) > 0)
    }
    assert.notEqual(postgres.pid(), before)
    while (postgres.state() !== 'up') await sleep(5) // it answers a moment before it is known to
  }
  assert.deepEqual(await database.rows`select n from written order by n`, [{ n: 1n }, { n: 2n }])
  assert.equal(said.filter((event) => event === 'postgres.died').length, 2)
})

test('F3: when one session is killed the server resets all of them, and the pool heals', async () => {
  await using data = await dataFolder()
  await using postgres = await startEmbeddedPostgres({ dataDir: data.path, log: silentLog })
  await using database = openDatabase({ connection: postgres.connection, poolSize: 4, log: silentLog })
  await database.run`create table written (n int8 primary key)`
  const server = postgres.pid()
  const interrupted = database.transaction(async (tx) => {
    await tx.run`insert into written values (1)`
    const session = await tx.one<{ pid: number }>`select pg_backend_pid() as pid`
    assert.ok(session !== undefined)
    process.kill(session.pid, 'SIGKILL')
    await tx.rows`select 1`
  })
  await assert.rejects(interrupted, (error: unknown) => error instanceof AppError && error.code === 'unavailable')
  await untilAnswered(() => database.run`select 1`)
  assert.deepEqual(await database.rows`select n from written`, [])
  await database.run`insert into written values (2)`
  assert.deepEqual(await database.rows`select n from written`, [{ n: 2n }])
  assert.equal(postgres.pid(), server, 'the server itself went on')
})

test('F4: a second Dunlin on the same folder refuses, says who has it, and harms nobody', async () => {
  await using data = await dataFolder()
  const first = await owner(data.path)
  try {
    const second = startEmbeddedPostgres({ dataDir: data.path, log: silentLog })
    await assert.rejects(second, (error: unknown) => {
      assert.ok(error instanceof AppError)
      assert.equal(error.code, 'conflict')
      assert.match(error.message, new RegExp(`Another Dunlin \\(process ${first.child.pid}\\).*--data-dir`))
      return true
    })
    const before = first.committed.length
    await sleep(100)
    assert.ok(first.committed.length > before, 'the first one goes on writing')
    const connection = await runningPostgres(data.path)
    assert.ok(connection !== undefined, 'its database can be joined instead')
    await using joined = openDatabase({ connection, poolSize: 1, log: silentLog })
    assert.ok((await joined.one`select 1 from written limit 1`) !== undefined)
  } finally {
    first.child.kill('SIGKILL')
    await first.exited
  }
  assert.equal(await runningPostgres(data.path), undefined, 'a dead one cannot be joined')
  await using again = await startEmbeddedPostgres({ dataDir: data.path, log: silentLog })
  assert.equal(again.state(), 'up', 'and its lock is in nobody’s way')
})

test('F4: a process id in postmaster.pid that is another program’s by now: told by name, never touched', async () => {
  await using data = await dataFolder()
  {
    await using made = await startEmbeddedPostgres({ dataDir: data.path, log: silentLog })
    assert.equal(made.state(), 'up')
  }
  const account = await postgresAccount(join(data.path, 'postgres'), silentLog)
  const foreign = spawn('sleep', ['300'], { ...asAccount(account), stdio: 'ignore' })
  const { pid } = foreign
  assert.ok(pid !== undefined)
  const pidFile = join(data.cluster, 'postmaster.pid')
  const text = `${pid}\n${data.cluster}\n1700000000\n5432\n${join(data.path, 'postgres', 'run')}\n\n`
  try {
    await writeFile(pidFile, text, { mode: 0o600 })
    if (account.switched) await chown(pidFile, account.uid, account.gid)
    const attempt = startEmbeddedPostgres({ dataDir: data.path, log: silentLog, startMsMax: 2_000 })
    await assert.rejects(attempt, (error: unknown) => {
      assert.ok(error instanceof AppError)
      assert.equal(error.code, 'unavailable')
      assert.match(error.message, new RegExp(`names process ${pid}, which is another program now \\(sleep 300\\)`))
      return true
    })
    assert.ok((await processStart(pid)) !== undefined, 'the other program runs on')
    assert.equal(await readFile(pidFile, 'utf8'), text, 'the file is PostgreSQL’s, not ours')
  } finally {
    foreign.kill()
  }
  await using postgres = await startEmbeddedPostgres({ dataDir: data.path, log: silentLog })
  assert.equal(postgres.state(), 'up', 'once the number is free PostgreSQL takes its folder back')
})

test('an initialisation that was interrupted does not stand in the way', async () => {
  await using data = await dataFolder()
  const script = join(import.meta.dirname, 'postgres-owner.ts')
  const child = spawn(process.execPath, [script, data.path], { stdio: 'ignore' })
  await sleep(600) // within initdb
  child.kill('SIGKILL')
  await new Promise((resolve) => child.once('exit', resolve))
  await using postgres = await startEmbeddedPostgres({ dataDir: data.path, log: silentLog })
  assert.equal(postgres.state(), 'up')
})

/** Repeats until it answers; what it threw before. */
async function untilAnswered(ask: () => Promise<unknown>): Promise<unknown[]> {
  const failures: unknown[] = []
  const deadlineMs = performance.now() + 30_000
  for (;;) {
    try {
      await ask()
      return failures
    } catch (error) {
      failures.push(error)
      if (performance.now() > deadlineMs) throw error
      await sleep(20)
    }
  }
}

function collecting(events: string[]): Log {
  const note = (fields: object): void => {
    if ('event' in fields) events.push(String(fields.event))
  }
  return { debug() {}, info: note, warn: note, error: note }
}
