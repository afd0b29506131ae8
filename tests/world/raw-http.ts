/** HTTP as an attacker writes it: paths and bytes go out exactly as they are given, which no well-behaved client does. */
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

export interface RawAnswer {
  status: number
  type: string
  body: string
}

export interface RawRequest {
  method: string
  /** Not normalised: `/a/../%00`. */
  path: string
  headers?: Record<string, string>
  body?: string | Uint8Array
}

export async function rawCall(base: string, { method, path, headers = {}, body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(base)
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const sent = request({ hostname, port, method, path, headers: { ...length, ...headers } })
  sent.end(body)
  const [response] = await once(sent, 'response')
  const { statusCode = 0, headers: answered } = response
  return { status: statusCode, type: answered['content-type'] ?? '', body: await text(response) }
}

/** Writes the bytes and reads until the server closes the connection, or is silent for `silentMs`. */
export async function rawBytes(base: string, bytes: string | Uint8Array, silentMs = 500): Promise<string> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  const answer: Buffer[] = []
  socket.on('data', (chunk: Buffer) => answer.push(chunk))
  // The server may cut a connection while we still write: that is an answer too.
  socket.on('error', () => socket.destroy())
  socket.setTimeout(silentMs, () => socket.destroy())
  socket.write(bytes)
  await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(answer).toString('latin1')
}

/** Status lines of all answers in a stream of bytes. */
export function statusesIn(stream: string): number[] {
  return [...stream.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status))
}
