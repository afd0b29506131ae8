/**
 * The admin listener: health, metrics and the state of the running system, on loopback and a port of its own, so that it
 * answers when the public door is full. `<data>/run/admin.json` (0600) names the port and the secret for the private paths.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import { makeFolder } from '../kit/folders.ts'
import type { OperatorCommand } from './operator.ts'

interface Readiness {
  ready: boolean
  /** One line a check: 'ok', or what is wrong. */
  checks: Record<string, string>
}

/** Statuses of one search from the command line. */
const SEARCH_LIMIT_MAX = 40

export interface AdminAnswers {
  readiness(): Promise<Readiness>
  metrics(): Promise<string>
  /** JSON for `dunlin ps`. */
  processes(): Promise<unknown>
  /** JSON for `dunlin life ID`; undefined when unknown. */
  life(id: string): Promise<unknown>
  /** False when there is no such thread. */
  restartThread(name: string): Promise<boolean>
  /** JSON for `dunlin search` and `dunlin index`; undefined when there is nothing, or nobody, of that name. */
  command(command: OperatorCommand): Promise<unknown>
}

export interface AdminListener extends AsyncDisposable {
  port: number
}

interface Answer {
  status: number
  type: string
  body: string
}

/** Opens on `port`, or on a free one when it is taken (the run file says which). */
export async function openAdminListener(
  options: { port: number; dataDir: string; pid: number },
  answers: AdminAnswers,
): Promise<AdminListener> {
  const secret = randomBytes(32).toString('base64url')
  const server = createServer((request, response) => {
    void answer(request, secret, answers).then((result) => send(response, result))
  })
  server.headersTimeout = 5_000
  server.requestTimeout = 10_000
  // Should anything fail from here on: a listener that nobody knows of would keep the process from ending.
  await using opening = new AsyncDisposableStack()
  opening.defer(() => closed(server))
  await listen(server, options.port)
  const { port } = server.address() as AddressInfo // listening on TCP, so never a string or null
  const runFile = join(options.dataDir, 'run', 'admin.json')
  await makeFolder(join(options.dataDir, 'run'), 0o700)
  await writeFile(`${runFile}.new`, JSON.stringify({ pid: options.pid, port, secret }), { mode: 0o600 })
  await rename(`${runFile}.new`, runFile)
  opening.defer(() => rm(runFile, { force: true }))
  const opened = opening.move()
  return { port, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

async function closed(server: ReturnType<typeof createServer>): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

async function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  const attempt = (wanted: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(wanted, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  try {
    await attempt(port)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    await attempt(0)
  }
}

async function answer(request: IncomingMessage, secret: string, answers: AdminAnswers): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://admin')
  try {
    const restarted = /^\/threads\/([\w-]{1,40})\/restart$/.exec(url.pathname)?.[1]
    if (restarted !== undefined) return await restart(request, secret, () => answers.restartThread(restarted))
    const upkeep = /^\/index\/(verify|rebuild)$/.exec(url.pathname)?.[1]
    if (upkeep === 'verify' || upkeep === 'rebuild') {
      if (request.method !== 'POST') return text(405, 'Only POST')
      return await commanded(request, secret, () => answers.command({ name: 'index', act: upkeep }))
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'Only GET')
    if (url.pathname === '/livez') return text(200, '')
    if (url.pathname === '/readyz') return readyz(await answers.readiness(), url.searchParams.has('verbose'))
    if (url.pathname === '/metrics') return text(200, await answers.metrics())
    if (!hasSecret(request, secret)) return json(401, { error: 'This path needs the secret of the run file' })
    if (url.pathname === '/ps') return json(200, await answers.processes())
    if (url.pathname === '/index') {
      return await commanded(request, secret, () => answers.command({ name: 'index', act: 'status' }))
    }
    if (url.pathname === '/search') {
      return await commanded(request, secret, () => answers.command(searchOf(url.searchParams)))
    }
    const life = /^\/life\/(\d{1,19})$/.exec(url.pathname)?.[1]
    if (life !== undefined) {
      const found = await answers.life(life)
      return found === undefined ? json(404, { error: 'No trace of that status' }) : json(200, found)
    }
    return json(404, { error: 'Not Found' })
  } catch {
    return json(503, { error: 'The system cannot answer that now' })
  }
}

async function commanded(request: IncomingMessage, secret: string, act: () => Promise<unknown>): Promise<Answer> {
  if (!hasSecret(request, secret)) return json(401, { error: 'This path needs the secret of the run file' })
  const found = await act()
  return found === undefined ? json(404, { error: 'Not Found' }) : json(200, found)
}

function searchOf(asked: URLSearchParams): OperatorCommand {
  return {
    name: 'search',
    text: asked.get('q') ?? '',
    as: asked.get('as') ?? undefined,
    order: asked.get('order') === 'relevance' ? 'relevance' : 'newest',
    limit: Math.min(SEARCH_LIMIT_MAX, Math.max(1, Number(asked.get('limit')) || 20)),
  }
}

/** A thread that hangs is replaced. */
async function restart(request: IncomingMessage, secret: string, act: () => Promise<boolean>): Promise<Answer> {
  if (request.method !== 'POST') return text(405, 'Only POST')
  if (!hasSecret(request, secret)) return json(401, { error: 'This path needs the secret of the run file' })
  return (await act()) ? json(202, {}) : json(404, { error: 'There is no such thread' })
}

function readyz(readiness: Readiness, verbose: boolean): Answer {
  const status = readiness.ready ? 200 : 503
  return verbose ? json(status, readiness) : text(status, readiness.ready ? 'OK' : 'not ready')
}

function hasSecret(request: IncomingMessage, secret: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '')
  const wanted = Buffer.from(`Bearer ${secret}`)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body }
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json; charset=utf-8', body: JSON.stringify(value) }
}

function send(response: ServerResponse, result: Answer): void {
  response.writeHead(result.status, { 'content-type': result.type, 'cache-control': 'no-store' })
  response.end(result.body)
}
