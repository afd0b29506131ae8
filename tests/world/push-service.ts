/** A push service of the tests' own, and the devices behind it: what arrives is decrypted as a browser does it. */
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { Receiver } from '../../src/mobile-push/encryption.ts'

export interface Device extends Receiver {
  decrypt(body: Buffer, headers: Readonly<Record<string, string | string[] | undefined>>): Buffer
}

export function newReceiver(): Device {
  const pair = createECDH('prime256v1')
  const publicKey = pair.generateKeys()
  const auth = randomBytes(16)
  const derive = (salt: Buffer, key: Buffer, info: Buffer, length: number) =>
    Buffer.from(hkdfSync('sha256', key, salt, info, length))
  const open = (key: Buffer, nonce: Buffer, sealed: Buffer) => {
    const cipher = createDecipheriv('aes-128-gcm', key, nonce)
    cipher.setAuthTag(sealed.subarray(-16))
    return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()])
  }
  const standard = (body: Buffer) => {
    const salt = body.subarray(0, 16)
    const sender = body.subarray(21, 21 + body.readUInt8(20))
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), publicKey, sender])
    const secret = derive(auth, pair.computeSecret(sender), info, 32)
    const key = derive(salt, secret, Buffer.from('Content-Encoding: aes128gcm\0'), 16)
    const nonce = derive(salt, secret, Buffer.from('Content-Encoding: nonce\0'), 12)
    const padded = open(key, nonce, body.subarray(21 + sender.length))
    return padded.subarray(0, padded.lastIndexOf(2))
  }
  const legacy = (body: Buffer, headers: Readonly<Record<string, string | string[] | undefined>>) => {
    const field = (name: string, part: string) =>
      Buffer.from(new RegExp(`${part}=([\\w-]+)`).exec(String(headers[name]))?.[1] ?? '', 'base64url')
    const [salt, sender] = [field('encryption', 'salt'), field('crypto-key', 'dh')]
    const secret = derive(auth, pair.computeSecret(sender), Buffer.from('Content-Encoding: auth\0'), 32)
    const length = Buffer.of(0, 65)
    const context = Buffer.concat([Buffer.from('P-256\0'), length, publicKey, length, sender])
    const info = (name: string) => Buffer.concat([Buffer.from(`Content-Encoding: ${name}\0`), context])
    const padded = open(derive(salt, secret, info('aesgcm'), 16), derive(salt, secret, info('nonce'), 12), body)
    return padded.subarray(2 + padded.readUInt16BE(0))
  }
  return {
    publicKey,
    auth,
    decrypt: (body, headers) => (headers['content-encoding'] === 'aesgcm' ? legacy(body, headers) : standard(body)),
  }
}

export interface Pushed {
  path: string
  headers: IncomingMessage['headers']
  body: Buffer
}

type Behaviour = (request: Pushed, response: ServerResponse) => void

export interface PushService extends AsyncDisposable {
  readonly url: string
  /** Whatever has come, in order. */
  readonly received: Pushed[]
  /** What it answers from now on. */
  behave(behaviour: Behaviour): void
}

export const answering =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (_request, response) => {
    response.writeHead(status, headers).end()
  }

export async function openPushService(): Promise<PushService> {
  const received: Pushed[] = []
  let behaviour = answering(201)
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const pushed = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(parts) }
      received.push(pushed)
      behaviour(pushed, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // listening on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    behave: (wanted) => {
      behaviour = wanted
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
