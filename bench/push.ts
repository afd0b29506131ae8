/**
 * Encrypted pushes per second to one push service on loopback, by this server's sender and by the package `web-push`, in
 * turns; and by the whole queue: rows claimed from PostgreSQL, held against the rules, sent, settled and logged.
 *
 * The push service is a process of its own that reads the body and answers 201, so that what is measured is the sender: one
 * key pair, one agreement, the encryption and one request for each message. `web-push` makes its requests and ours sends
 * them, because it cannot send without TLS. VAPID tokens are signed once and kept by ours; `web-push` signs anew for every
 * message, as its interface has it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createECDH } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import webPush from 'web-push'

import { openOutbound } from '../src/engines/outbound/safe-fetch.ts'
import { systemClock } from '../src/kit/clock.ts'
import type { PushTarget } from '../src/mobile-push/contract.ts'
import { send, type PushMessage, type Sending } from '../src/mobile-push/sending.ts'
import { Vapid } from '../src/mobile-push/vapid.ts'
import { queueRound } from './push-queue.ts'
import { median, rounded } from './report.ts'
import type { BenchOptions, BenchResult } from './report.ts'

/** Messages under way at once, as when delivering. */
const CONCURRENCY = 64
const GOAL_PER_SECOND = 3_000
const SUBJECT = 'mailto:bench@example.org'
const PAYLOAD = Buffer.from(
  JSON.stringify({
    access_token: '',
    preferred_locale: 'en',
    notification_id: 12_345,
    notification_type: 'mention',
    icon: 'https://example.org/media/pictures/avatar.png',
    title: 'Alice mentioned you',
    body: 'x'.repeat(140),
  }),
)

/** Answers 201 to everything, and prints its port. */
const SERVICE = `
  const server = require('node:http').createServer((request, response) => {
    request.resume()
    request.on('end', () => response.writeHead(201).end())
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
  process.stdin.on('end', () => process.exit()).resume()
`

interface Service extends AsyncDisposable {
  url: string
}

async function openService(): Promise<Service> {
  const child: ChildProcess = spawn(process.execPath, ['-e', SERVICE], { stdio: ['pipe', 'pipe', 'inherit'] })
  if (child.stdout === null) throw new Error('the push service has no output')
  const [port] = (await once(createInterface(child.stdout), 'line')) as [string]
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      child.stdin?.end()
      await ended
    },
  }
}

function newKeys() {
  const pair = createECDH('prime256v1')
  return { publicKey: pair.generateKeys(), privateKey: pair.getPrivateKey() }
}

interface Rate {
  perSecond: number
  /** Of this process, by the message: the load of the machine does not change it. */
  cpuUs: number
}

/** Sends until the time is over. */
async function rate(durationMs: number, sendOne: (n: number) => Promise<void>): Promise<Rate> {
  const startMs = performance.now()
  const before = process.cpuUsage()
  let sent = 0
  const lane = async () => {
    while (performance.now() - startMs < durationMs) {
      await sendOne(sent)
      sent += 1
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, lane))
  const { user, system } = process.cpuUsage(before)
  return { perSecond: (sent / (performance.now() - startMs)) * 1_000, cpuUs: (user + system) / sent }
}

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  await using service = await openService()
  using outbound = openOutbound({ exceptions: ['127.0.0.0/8'] })
  const vapidKeys = newKeys()
  const keys = {
    publicKey: vapidKeys.publicKey.toString('base64url'),
    privateKey: vapidKeys.privateKey.toString('base64url'),
  }
  const sending: Sending = {
    outbound,
    clock: systemClock,
    vapid: new Vapid({ keys, subject: SUBJECT, clock: systemClock }),
  }
  const auth = Buffer.alloc(16, 7)
  const { publicKey } = newKeys()
  const target = (standard: boolean): PushTarget => ({ endpoint: `${service.url}/push`, publicKey, auth, standard })
  const message: PushMessage = {
    body: PAYLOAD,
    ttlSeconds: 60,
    urgency: 'normal',
    topic: 'bench',
    notification: null,
  }
  const ours = (standard: boolean) => async () => {
    const { outcome } = await send(sending, target(standard), message)
    if (outcome.outcome !== 'delivered') throw new Error(`a push has ${outcome.outcome}: ${outcome.status}`)
  }
  const browserKeys = { p256dh: publicKey.toString('base64url'), auth: auth.toString('base64url') }
  const theirs = async () => {
    const details = webPush.generateRequestDetails({ endpoint: target(true).endpoint, keys: browserKeys }, PAYLOAD, {
      vapidDetails: { subject: SUBJECT, ...keys },
      TTL: 60,
      urgency: 'normal',
      topic: 'bench',
    })
    const { status } = await outbound.request({
      url: new URL(details.endpoint),
      method: 'POST',
      headers: details.headers,
      body: details.body,
      deadlineMs: 10_000,
      answerBytesMax: 1_000,
    })
    if (status !== 201) throw new Error(`a push of web-push was answered with ${status}`)
  }
  const senders = { ours: ours(true), legacy: ours(false), 'web-push': theirs }
  const rounds: Record<keyof typeof senders, Rate[]> = { ours: [], legacy: [], 'web-push': [] }
  const roundMs = quick ? 800 : 4_000
  for (const name of Object.keys(senders) as (keyof typeof senders)[]) await rate(roundMs / 4, senders[name])
  for (let round = 0; round < (quick ? 3 : 5); round += 1) {
    for (const name of Object.keys(senders) as (keyof typeof senders)[]) {
      rounds[name].push(await rate(roundMs, senders[name]))
    }
  }
  const queued = await queueRound({ sending, target: target(true), count: quick ? 1_000 : 15_000 })
  const perSecond = (name: keyof typeof senders) => Math.round(median(rounds[name].map((round) => round.perSecond)))
  const cpuUs = (name: keyof typeof senders) => rounded(median(rounds[name].map((round) => round.cpuUs)))
  return {
    rows: [
      { sender: 'Dunlin, aes128gcm', 'pushes/s': perSecond('ours'), 'CPU µs each': cpuUs('ours') },
      { sender: 'Dunlin, aesgcm', 'pushes/s': perSecond('legacy'), 'CPU µs each': cpuUs('legacy') },
      { sender: 'web-push 3.6.7, aes128gcm', 'pushes/s': perSecond('web-push'), 'CPU µs each': cpuUs('web-push') },
      { sender: 'Dunlin, from the queue in PostgreSQL', 'pushes/s': Math.round(queued) },
    ],
    summary: {
      bench: 'push',
      pushesPerSecond: perSecond('ours'),
      goalPerSecond: GOAL_PER_SECOND,
      legacyPerSecond: perSecond('legacy'),
      webPushPerSecond: perSecond('web-push'),
      ratio: rounded(perSecond('ours') / perSecond('web-push')),
      cpuUsPerPush: cpuUs('ours'),
      webPushCpuUsPerPush: cpuUs('web-push'),
      queuePerSecond: Math.round(queued),
    },
  }
}
