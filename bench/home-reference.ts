/**
 * The reference of the home benchmark, in a process of its own: a bare `node:http` server that sends what it was given, by
 * token. Posting it the answers of the real server makes it ready; then it prints its address to its parent.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { Answer } from './keep-alive.ts'

/** What it sends to each token: the same bytes, head and body. */
export type Recorded = Record<string, Pick<Answer, 'body'> & { headers: Record<string, string> }>

export interface Reference extends AsyncDisposable {
  readonly url: string
}

export async function startReference(recorded: Recorded): Promise<Reference> {
  const child = fork(import.meta.filename, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  child.send(recorded)
  const [url] = (await once(child, 'message')) as [string]
  return { url, [Symbol.asyncDispose]: () => end(child) }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill()
  await once(child, 'exit')
}

function serve(recorded: Recorded): void {
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
  server.listen(0, '127.0.0.1', () => {
    process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })
}

if (import.meta.main) process.once('message', (recorded: Recorded) => serve(recorded))
