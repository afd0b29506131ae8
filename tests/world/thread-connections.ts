/** Connections of which it is known which thread of a running server answers them. */
import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'

import { askAdmin, readRunFile } from '../../src/cli/admin-client.ts'
import { asSystemState, type SystemState } from '../../src/roles/system-state.ts'
import { eventually } from './people.ts'
import type { RunningServer } from './server.ts'

const PATIENCE_MS = 60_000

export interface Answer {
  status: number
  body: unknown
}

/** One kept connection, and so always the same thread. */
export class Connection implements Disposable {
  readonly #base: URL
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  connections = 0

  constructor(base: string) {
    this.#base = new URL(base)
  }

  call(token: string | undefined, method: string, path: string, body?: object): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    }
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, method, path, headers, host: this.#base.hostname, port: this.#base.port }
      const sent = request(options, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          const answer = Buffer.concat(parts).toString()
          resolve({
            status: response.statusCode ?? 0,
            body: answer.startsWith('<') ? answer : JSON.parse(answer || '{}'),
          })
        })
      })
      sent.on('error', reject)
      sent.on('finish', () => (this.connections += sent.reusedSocket ? 0 : 1))
      sent.end(text)
    })
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

/** As every thread tells it; waits for threads that are busy, or coming back. */
export async function systemOf(server: Pick<RunningServer, 'dataDir'>): Promise<SystemState> {
  const ask = async () => {
    const answer = await askAdmin(await readRunFile(server.dataDir), '/ps').catch(() => undefined)
    return asSystemState(answer)
  }
  const state = await eventually(PATIENCE_MS, ask, (told) => told?.threads.every(isRunning) === true)
  assert.ok(state !== undefined)
  return state
}

function isRunning({ state }: SystemState['threads'][number]): boolean {
  return state === 'running'
}

/** Ends a thread wherever it is; the supervisor brings it back. */
export async function endThread(server: Pick<RunningServer, 'dataDir'>, name: string): Promise<void> {
  const { port, secret } = await readRunFile(server.dataDir)
  const headers = { authorization: `Bearer ${secret}` }
  const answer = await fetch(`http://127.0.0.1:${port}/threads/${name}/restart`, { method: 'POST', headers })
  assert.equal(answer.status, 202)
}

/** A connection to each api thread, by the thread's name. Nobody else may send requests meanwhile. */
export async function connectionToEach(
  server: RunningServer,
  resources: DisposableStack,
): Promise<Map<string, Connection>> {
  const found = new Map<string, Connection>()
  const names = (await systemOf(server)).threads.filter(({ requests }) => requests !== null).map(({ name }) => name)
  while (found.size < names.length) {
    const connection = resources.use(new Connection(server.url))
    const before = await requestsOf(server)
    await connection.call(undefined, 'GET', '/livez')
    const after = await requestsOf(server)
    const answered = names.find((name) => after.get(name) !== before.get(name))
    assert.ok(answered !== undefined, 'some thread has answered')
    found.set(answered, connection)
  }
  return found
}

async function requestsOf(server: RunningServer): Promise<Map<string, number | null>> {
  return new Map((await systemOf(server)).threads.map(({ name, requests }) => [name, requests]))
}
