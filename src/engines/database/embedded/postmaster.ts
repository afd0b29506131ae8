/**
 * Keeps one PostgreSQL server running on a cluster, as a child process.
 *
 * What a server left behind means is PostgreSQL's to decide: `postmaster.pid` is read here, never deleted. After a
 * `kill -9` the old server's processes may take seconds to be gone, in which PostgreSQL refuses to start; so a start is
 * repeated with growing pauses before it counts as failed.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

import { AppError } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import { asAccount, type Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { readPidFile } from './pid-file.ts'
import { isPostmaster, processCommand } from './processes.ts'
import { serverLog } from './server-log.ts'

/** A first start is tried for so long before it counts as failed. */
export const START_MS_MAX = 90_000
/** After a crash PostgreSQL replays its log before it is ready; it is left alone meanwhile, up to this time. */
export const RECOVERY_MS_MAX = 600_000
/** A fast shutdown (SIGINT) that takes longer is followed by an immediate one (SIGQUIT). */
export const FAST_STOP_MS_MAX = 30_000
/** An immediate shutdown that takes longer is left to itself: nothing may be killed harder without risk. */
export const IMMEDIATE_STOP_MS_MAX = 30_000
/** Pauses between starts that fail, the last one for all further. */
const RETRY_PAUSES_MS = [200, 500, 1_000, 2_000, 5_000]
/** A server that ran this long was well: its end starts a new row of pauses. */
const WELL_MS = 60_000
const READY_POLL_MS = 15
const GONE_POLL_MS = 50
/** The last lines of a server that has ended may still be on their way. */
const LAST_WORDS_MS = 50

export interface PostmasterOptions {
  readonly binaries: Binaries
  readonly account: Account
  readonly clusterDir: string
  readonly log: Log
  /** As `START_MS_MAX`, for tests. */
  readonly startMsMax?: number
}

export type PostmasterState = 'starting' | 'up' | 'down' | 'stopped'

export class Postmaster implements AsyncDisposable {
  readonly #options: PostmasterOptions
  readonly #log: Log
  #child: ChildProcess | undefined
  #state: PostmasterState = 'starting'
  readonly #stop = new AbortController()
  #restarting: Promise<void> = Promise.resolve()
  readonly #killAtExit = (): void => {
    // The process ends without having stopped the server: at least it shall not be left alone.
    this.#child?.kill('SIGINT')
  }

  constructor(options: PostmasterOptions) {
    this.#options = options
    this.#log = options.log
  }

  get state(): PostmasterState {
    return this.#state
  }

  /** The server's process id while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Stops what an earlier Dunlin has left running, then starts. Throws `unavailable` with PostgreSQL's own words. */
  async start(): Promise<void> {
    await this.#stopOrphan()
    process.on('exit', this.#killAtExit)
    const deadlineMs = performance.now() + (this.#options.startMsMax ?? START_MS_MAX)
    for (let failures = 0; ; failures += 1) {
      const said = await this.#launch()
      if (said === undefined) return
      const pauseMs = retryPauseMs(failures)
      if (performance.now() + pauseMs > deadlineMs) throw await this.#startFailure(said)
      this.#log.warn({ event: 'postgres.start_failed', said, retryMs: pauseMs })
      if (!(await this.#pause(pauseMs))) throw new AppError('unavailable', 'PostgreSQL was stopped while it started')
    }
  }

  /** Fast shutdown: sessions end, everything is written, usually within a second. Close the pools first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    process.off('exit', this.#killAtExit)
    const child = this.#child
    if (child !== undefined) await this.#end(child)
    await this.#restarting
  }

  async #end(child: ChildProcess): Promise<void> {
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGINT')
    if (await within(FAST_STOP_MS_MAX, gone)) return
    this.#log.warn({ event: 'postgres.slow_stop' }, 'PostgreSQL does not stop; ending its sessions at once')
    child.kill('SIGQUIT')
    if (await within(IMMEDIATE_STOP_MS_MAX, gone)) return
    this.#log.error({ event: 'postgres.left_running', pid: child.pid }, 'PostgreSQL did not stop; the next start will')
    child.unref()
  }

  /** Spawns a server and waits until it is ready. Returns its last words when it ended instead. */
  async #launch(): Promise<string | undefined> {
    const { binaries, account, clusterDir } = this.#options
    this.#state = 'starting'
    const startedMs = performance.now()
    const child = spawn(binaries.postgres, ['-D', clusterDir], {
      ...asAccount(account),
      cwd: clusterDir,
      env: {},
      stdio: ['ignore', 'ignore', 'pipe'],
      // A session of its own: Ctrl+C in a terminal reaches Dunlin only, which then stops both in the right order.
      detached: true,
    })
    this.#child = child
    const words = serverLog(createInterface({ input: child.stderr }), this.#log)
    let spawnError: Error | undefined
    child.once('error', (error) => (spawnError = error))
    child.once('exit', () => this.#onExit(child, startedMs))
    const isReady = await this.#untilReady(child)
    if (this.#child === child && isReady) {
      this.#state = 'up'
      this.#log.info({ event: 'postgres.up', pid: child.pid, ms: Math.round(performance.now() - startedMs) })
      return undefined
    }
    if (child.pid !== undefined && !hasEnded(child)) {
      child.kill('SIGINT')
      return `it was not ready after ${RECOVERY_MS_MAX / 1000} s`
    }
    await sleep(LAST_WORDS_MS)
    return spawnError === undefined ? words.last() : String(spawnError)
  }

  /** True when the server accepts connections, false when it has ended or takes too long. */
  async #untilReady(child: ChildProcess): Promise<boolean> {
    const deadlineMs = performance.now() + RECOVERY_MS_MAX
    while (performance.now() < deadlineMs && child.pid !== undefined && !hasEnded(child)) {
      const file = await readPidFile(this.#options.clusterDir)
      if (file?.pid === child.pid && file.status === 'ready') return true
      await sleep(READY_POLL_MS)
    }
    return false
  }

  #onExit(child: ChildProcess, startedMs: number): void {
    if (this.#child === child) this.#child = undefined
    const wasUp = this.#state === 'up'
    this.#state = this.#stop.signal.aborted ? 'stopped' : 'down'
    if (!wasUp || this.#stop.signal.aborted) return
    const { exitCode: code, signalCode: signal } = child
    this.#log.error(
      { event: 'postgres.died', exitCode: code, signal },
      'PostgreSQL has ended by itself; starting it again',
    )
    const wasWell = performance.now() - startedMs >= WELL_MS
    this.#restarting = this.#restart(wasWell ? 0 : 1)
  }

  async #restart(failuresBefore: number): Promise<void> {
    for (let failures = failuresBefore; ; failures += 1) {
      if (!(await this.#pause(retryPauseMs(failures)))) return
      const said = await this.#launch()
      if (said === undefined || this.#stop.signal.aborted) return
      this.#log.error({ event: 'postgres.start_failed', said, retryMs: retryPauseMs(failures + 1) })
    }
  }

  /** False when stopping was asked for meanwhile. */
  async #pause(ms: number): Promise<boolean> {
    return sleep(ms, true, { signal: this.#stop.signal }).catch(() => false)
  }

  /** A server on this cluster that is not ours: its Dunlin is dead, or it would hold the data folder's lock. */
  async #stopOrphan(): Promise<void> {
    const { clusterDir } = this.#options
    const pid = (await readPidFile(clusterDir))?.pid
    if (pid === undefined || !(await isPostmaster(pid, clusterDir))) return
    this.#log.warn({ event: 'postgres.orphan', pid }, 'stopping the PostgreSQL of a Dunlin that was killed')
    for (const [signal, ms] of [
      ['SIGINT', FAST_STOP_MS_MAX],
      ['SIGQUIT', IMMEDIATE_STOP_MS_MAX],
    ] as const) {
      signalProcess(pid, signal)
      if (await within(ms, this.#untilGone(pid))) return
    }
    throw new AppError('unavailable', `PostgreSQL (process ${pid}) of an earlier start on ${clusterDir} does not stop.`)
  }

  async #untilGone(pid: number): Promise<void> {
    while (await isPostmaster(pid, this.#options.clusterDir)) await sleep(GONE_POLL_MS)
  }

  async #startFailure(said: string): Promise<AppError> {
    process.off('exit', this.#killAtExit)
    const { clusterDir } = this.#options
    const pid = (await readPidFile(clusterDir))?.pid
    const command = pid === undefined ? undefined : await processCommand(pid)
    if (pid === undefined || command === undefined || (await isPostmaster(pid, clusterDir))) {
      return new AppError('unavailable', `PostgreSQL does not start on ${clusterDir}: ${said}`)
    }
    return new AppError(
      'unavailable',
      `PostgreSQL does not start on ${clusterDir}: its postmaster.pid names process ${pid}, which is another program ` +
        `now (${command}). Stop that program, restart the machine, or, when you are sure that no PostgreSQL uses this ` +
        `folder, remove ${join(clusterDir, 'postmaster.pid')} yourself. PostgreSQL said: ${said}`,
    )
  }
}

function retryPauseMs(failures: number): number {
  return RETRY_PAUSES_MS[Math.min(failures, RETRY_PAUSES_MS.length - 1)] ?? 0
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error // gone by itself
  }
}

/** True when `done` resolves within `ms`. */
async function within(ms: number, done: Promise<void>): Promise<boolean> {
  const late = new AbortController()
  const timeout = sleep(ms, false, { signal: late.signal }).catch(() => false)
  try {
    return await Promise.race([done.then(() => true), timeout])
  } finally {
    late.abort()
  }
}
