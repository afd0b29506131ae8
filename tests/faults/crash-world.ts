/** A server on the embedded PostgreSQL with people on it, and everything that may be killed of it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { askAdmin, readRunFile } from '../../src/cli/admin-client.ts'
import { readPidFile } from '../../src/engines/database/embedded/pid-file.ts'
import { processStart } from '../../src/engines/database/embedded/processes.ts'
import type { Random } from '../../src/seed/random.ts'
import { join as joinServer } from '../world/people.ts'
import { startServer, type RunningServer } from '../world/server.ts'
import { CrashRecord } from './crash-record.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const PEOPLE = ['ann', 'ben', 'cleo', 'dan', 'eve', 'fay']
/** Derived things are all there by then, after the last answer: ten seconds are promised (T of reliability §4), on a machine
 * that has nothing else to do. */
const QUIET_MS_MAX = 60_000
const MAJOR = '18'

/** A folder that PostgreSQL's account can enter. */
export async function openFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'dunlin-crash-'))
  await chmod(path, 0o755)
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }),
  }
}

export class CrashWorld implements AsyncDisposable {
  readonly dataDir: string
  readonly url: string
  readonly #port: number
  #server: RunningServer
  #records = 0

  private constructor(dataDir: string, server: RunningServer) {
    this.dataDir = dataDir
    this.#server = server
    this.url = server.url
    this.#port = Number(new URL(server.url).port)
  }

  static async open(dataDir: string): Promise<CrashWorld> {
    return new CrashWorld(dataDir, await startServer({ embedded: true, dataDir }))
  }

  /** New people, who have done nothing yet. */
  async people(): Promise<CrashRecord> {
    if ((await processStart(this.#server.pid)) === undefined) await this.start()
    this.#records += 1
    const people = []
    for (const one of PEOPLE) {
      const name = `${one}${this.#records}`
      const { id, token } = await joinServer(this.url, name)
      people.push({ name, id, token })
    }
    return new CrashRecord(people)
  }

  /** Starts a server again on what the last one left. Returns milliseconds until it said that it is ready. */
  async start(env: Record<string, string> = {}): Promise<number> {
    const startedMs = performance.now()
    this.#server = await startServer({ embedded: true, dataDir: this.dataDir, port: this.#port, env })
    return performance.now() - startedMs
  }

  stop(signal: NodeJS.Signals): Promise<number | null> {
    return this.#server.end(signal)
  }

  /** Starts one that is killed `afterMs` later, wherever it is by then. */
  async startInVain(afterMs: number): Promise<void> {
    const child = spawn(process.execPath, [MAIN, 'serve', '--port', `${this.#port}`, '--data-dir', this.dataDir], {
      env: { ...process.env, ...this.#server.env },
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    await sleep(afterMs)
    child.kill('SIGKILL')
    await ended
  }

  /** The PostgreSQL that accepts connections, when it is another than `before`. */
  async postmaster(before?: number): Promise<number> {
    for (;;) {
      const file = await readPidFile(join(this.dataDir, 'postgres', MAJOR))
      if (file?.status === 'ready' && file.pid !== before) return file.pid
      await sleep(5)
    }
  }

  /** One that serves a client at the moment. */
  async killSession(random: Random): Promise<void> {
    for (;;) {
      const backends = await this.#backends()
      try {
        if (backends.length > 0) return void process.kill(random.pick(backends), 'SIGKILL')
      } catch {
        // It has ended meanwhile.
      }
      await sleep(5)
    }
  }

  /** What the present server has printed and logged. */
  get output(): string {
    return this.#server.output()
  }

  /** False when it still runs after `ms`. */
  async diesWithin(ms: number): Promise<boolean> {
    const deadlineMs = performance.now() + ms
    while (performance.now() < deadlineMs) {
      if ((await processStart(this.#server.pid)) === undefined) return true
      await sleep(5)
    }
    return false
  }

  /** Sessions of the pool: children of the postmaster that serve a client. */
  async #backends(): Promise<number[]> {
    const postmaster = await this.postmaster()
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const found: number[] = []
    for (const pid of pids) {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      if (parent !== postmaster) continue
      const title = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      if (/^postgres: \S+ \S+ \[local\]/.test(title)) found.push(Number(pid))
    }
    return found
  }

  /** Waits until everything that was committed has been carried on. */
  async quiesce(): Promise<void> {
    const deadlineMs = performance.now() + QUIET_MS_MAX
    for (;;) {
      const state = JSON.stringify(await askAdmin(await readRunFile(this.dataDir), '/ps'))
      const isQuiet = /"outbox":\{"rows":0,/.test(state) && !/"pending":[1-9]/.test(state)
      if (isQuiet) return
      assert.ok(performance.now() < deadlineMs, `not at rest after ${QUIET_MS_MAX} ms: ${state}`)
      await sleep(20)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.end('SIGTERM')
  }
}
