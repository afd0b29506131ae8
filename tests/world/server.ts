/**
 * A whole Dunlin as a process of its own, as a user starts it: `main.ts serve` on a free port with its data in a temporary
 * folder. On the tests' PostgreSQL by default, because that starts at once; `embedded: true` takes the real thing.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { openTestDatabase } from './database.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const START_MS_MAX = 60_000

export interface ServerOptions {
  embedded?: boolean
  /** Added to the environment of a test server (limits off, accounts confirmed at once). */
  env?: Record<string, string>
  /** Threads that answer requests; two if not given, so that tests meet what one thread writes and another reads. */
  apiThreads?: number | 'by cores'
  /** Starts again on the data of an earlier one. */
  dataDir?: string
  port?: number
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string
  /** The one-time link, while there is no owner. */
  readonly setupLink: string | undefined
  readonly dataDir: string
  readonly env: Record<string, string>
  readonly pid: number
  /** Everything printed so far, both outputs. */
  output(): string
  /** Ends it with a signal and waits; returns the exit code, null when it was killed. */
  end(signal: NodeJS.Signals): Promise<number | null>
}

export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  await using resources = new AsyncDisposableStack()
  const dataDir = options.dataDir ?? (await temporaryFolder(resources))
  const { apiThreads = 2 } = options
  const env: Record<string, string> = {
    DUNLIN_ENV: 'test',
    RATE_LIMITS: 'false',
    AUTO_CONFIRM_SIGNUPS: 'true',
    ADMIN_PORT: '0',
    ...(apiThreads !== 'by cores' && { API_THREADS: String(apiThreads) }),
    ...options.env,
  }
  if (options.embedded !== true && env['DATABASE_URL'] === undefined) {
    const database = resources.use(await openTestDatabase())
    const { host = '', user, database: name } = database.connection
    env['DATABASE_URL'] = `postgresql://${user}@localhost/${name}?host=${encodeURIComponent(host)}`
  }
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', String(options.port ?? 0), '--data-dir', dataDir], {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output: string[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  const ended = once(child, 'exit')
  resources.defer(async () => {
    await endProcess(child, 'SIGTERM', ended)
  })
  const url = await untilPrinted(child, output)
  const opened = resources.move()
  return {
    url,
    setupLink: /https?:\/\/\S+\/setup\?token=\S+/.exec(output.join(''))?.[0],
    dataDir,
    env,
    pid: child.pid ?? 0,
    output: () => output.join(''),
    end: (signal) => endProcess(child, signal, ended),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** One that PostgreSQL's own account can enter: else its data would go where nobody takes it away. */
async function temporaryFolder(resources: AsyncDisposableStack): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'dunlin-server-'))
  resources.defer(() => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }))
  await chmod(path, 0o755)
  return path
}

async function untilPrinted(child: ChildProcess, output: string[]): Promise<string> {
  const deadline = performance.now() + START_MS_MAX
  while (performance.now() < deadline) {
    const ready = /Dunlin is ready at (http:\/\/\S+)/.exec(output.join(''))?.[1]
    if (ready !== undefined) return ready
    if (child.exitCode !== null || child.signalCode !== null) break
    await sleep(10)
  }
  throw new Error(`the server did not start:\n${output.join('')}`)
}

async function endProcess(
  child: ChildProcess,
  signal: NodeJS.Signals,
  ended: Promise<unknown>,
): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal)
    await ended
  }
  return child.exitCode
}
