/**
 * The reference of the home benchmark, in a process of its own: a bare `node:http` server that sends what it was given, by
 * token, on as many threads as the real server answers with. Posting it the answers of the real server makes it ready; then
 * it prints its address to its parent.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

import type { Answer } from './keep-alive.ts'

/** What it sends to each token: the same bytes, head and body. */
export type Recorded = Record<string, Pick<Answer, 'body'> & { headers: Record<string, string> }>

export interface Reference extends AsyncDisposable {
  readonly url: string
  readonly pid: number
}

interface Start {
  recorded: Recorded
  threads: number
}

export async function startReference(start: Start): Promise<Reference> {
  const child = fork(import.meta.filename, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  child.send(start)
  const [url] = (await once(child, 'message')) as [string]
  return { url, pid: child.pid ?? 0, [Symbol.asyncDispose]: () => end(child) }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill()
  await once(child, 'exit')
}

/** Returns the port. */
async function serve(recorded: Recorded, port: number): Promise<number> {
  const answers = new Map(
    Object.entries(recorded).map(([token, { body, headers }]) => [
      `Bearer ${token}`,
      { body: Buffer.from(body), headers },
    ]),
  )
  const server = createServer((request, response) => {
    const answer = answers.get(request.headers.authorization ?? '')
    if (answer === undefined) {
      response.writeHead(401).end()
      return
    }
    response.writeHead(200, answer.headers)
    response.end(answer.body)
  })
  server.listen({ port, host: '127.0.0.1', reusePort: true })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function serveOnThreads({ recorded, threads }: Start): Promise<void> {
  const port = await serve(recorded, 0)
  const others = Array.from(
    { length: threads - 1 },
    () => new Worker(import.meta.filename, { workerData: { recorded, port } }),
  )
  await Promise.all(others.map((worker) => once(worker, 'online')))
  process.send?.(`http://127.0.0.1:${port}`)
}

if (!isMainThread) await serve(workerData.recorded, workerData.port)
else if (import.meta.main) process.once('message', (start: Start) => void serveOnThreads(start))
