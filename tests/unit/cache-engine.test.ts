/** The parts of the cache engine that need no server. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseCacheAddress } from '../../src/engines/cache/address.ts'
import { BatchCommand } from '../../src/engines/cache/batch-command.ts'
import { Breaker } from '../../src/engines/cache/breaker.ts'
import { FAILURES_MAX, numberedKey } from '../../src/engines/cache/contract.ts'
import { cacheError } from '../../src/engines/cache/failures.ts'
import { slotOf } from '../../src/engines/cache/slots.ts'

function breaker() {
  const clock = { ms: 0 }
  return { clock, breaker: new Breaker(() => clock.ms) }
}

function fail(one: Breaker, times: number): void {
  for (let n = 0; n < times; n++) one.failed()
}

test('a few failures in a row close a server; one that succeeds in between begins the count anew', () => {
  const { breaker: one } = breaker()
  fail(one, FAILURES_MAX - 1)
  one.succeeded()
  fail(one, FAILURES_MAX - 1)
  assert.ok(one.admits())
  assert.ok(one.failed(), 'this one closes it')
  assert.ok(!one.admits())
})

test('after a pause one trial goes through, and nothing else until it is known', () => {
  const { breaker: one, clock } = breaker()
  fail(one, FAILURES_MAX)
  clock.ms += 249
  assert.ok(!one.admits())
  clock.ms += 1
  assert.ok(one.admits())
  assert.ok(!one.admits(), 'the trial is under way')
  assert.ok(one.succeeded(), 'reopened')
  assert.ok(one.admits() && one.admits())
})

test('each failed trial doubles the pause, up to a limit', () => {
  const { breaker: one, clock } = breaker()
  fail(one, FAILURES_MAX)
  for (const pauseMs of [250, 500, 1_000, 2_000, 4_000, 4_000]) {
    clock.ms += pauseMs - 1
    assert.ok(!one.admits(), `${pauseMs}`)
    clock.ms += 1
    assert.ok(one.admits(), `${pauseMs}`)
    one.failed()
  }
})

test('calls that were under way when a server closed do not lengthen its pause', () => {
  const { breaker: one, clock } = breaker()
  fail(one, FAILURES_MAX + 100)
  clock.ms += 250
  assert.ok(one.admits())
})

test('an address is one URL or several, with a password, a database and TLS', () => {
  const plain = { username: undefined, password: undefined, database: 0, tls: false }
  assert.deepEqual(parseCacheAddress('redis://localhost'), { ...plain, nodes: [{ host: 'localhost', port: 6379 }] })
  assert.deepEqual(parseCacheAddress('redis://[::1]:7000/3'), {
    ...plain,
    nodes: [{ host: '::1', port: 7000 }],
    database: 3,
  })
  assert.deepEqual(parseCacheAddress('rediss://me:p%40ss@a:1,rediss://b:2'), {
    nodes: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ],
    username: 'me',
    password: 'p@ss',
    database: 0,
    tls: true,
  })
})

test('what is no address is refused without being repeated, as it may hold a password', () => {
  for (const text of ['', 'http://x', 'redis://a,', 'redis://u:secret@h/tables', 'secret']) {
    assert.throws(
      () => parseCacheAddress(text),
      (error: unknown) => error instanceof Error && !error.message.includes('secret'),
    )
  }
})

test('slots are those of the Redis Cluster specification', () => {
  // CRC16 of "123456789" is 0x31C3, as the specification says; the others are CLUSTER KEYSLOT's answers.
  assert.equal(slotOf('123456789'), 0x31c3 % 16_384)
  assert.equal(slotOf('foo'), 12_182)
  assert.equal(slotOf('{user1000}.following'), slotOf('user1000'))
  assert.equal(slotOf('foo{}{bar}'), 8363)
  assert.equal(slotOf('foo{{bar}}zap'), slotOf('{bar'))
  assert.equal(slotOf('foo{bar}{zap}'), slotOf('bar'))
})

test('what the server says becomes a fault that tells what to do about it', () => {
  const faults = {
    "OOM command not allowed when used memory > 'maxmemory'.": 'full',
    'TRYAGAIN Multiple keys request during rehashing of slot': 'moving',
    'Too many Cluster redirections. Last error: ReplyError: TRYAGAIN Multiple keys': 'moving',
    'Too many Cluster redirections. Last error: Error: Connection is closed.': 'down',
    'LOADING Redis is loading the dataset in memory': 'down',
    'CLUSTERDOWN The cluster is down': 'down',
    "READONLY You can't write against a read only replica.": 'down',
    'Reached the max retries per request limit (which is 0).': 'down',
    'connect ECONNREFUSED 127.0.0.1:1': 'down',
    'WRONGTYPE Operation against a key holding the wrong kind of value': 'refused',
    'ERR user_function:1: a mistake': 'refused',
  }
  for (const [said, fault] of Object.entries(faults)) assert.equal(cacheError(new Error(said)).fault, fault, said)
})

test('a batch is written as the protocol wants it', () => {
  const numbered = { prefix: 'p{é}:', numbers: [0n, 255n, 2n ** 63n + 1n] }
  const args = ['a', 12, Buffer.from([0, 255])]
  const command = new BatchCommand('FCALL', { name: 'f', keys: ['p{é}'], numbered, args })
  const texts = [
    'FCALL',
    'f',
    '4',
    'p{é}',
    ...numbered.numbers.map((one) => numberedKey(numbered.prefix, one)),
    'a',
    '12',
  ]
  const parts = texts.map((text) => Buffer.from(`$${Buffer.byteLength(text)}\r\n${text}\r\n`))
  const expected = [Buffer.from('*10\r\n'), ...parts, Buffer.from('$2\r\n'), args[2] as Buffer, Buffer.from('\r\n')]
  assert.deepEqual(command.toWritable(), Buffer.concat(expected))
  assert.equal(numberedKey('k', 2n ** 63n + 1n), 'k8000000000000001')
  assert.equal(command.getSlot(), slotOf('p{é}'), 'it finds its server by the first key')
})
