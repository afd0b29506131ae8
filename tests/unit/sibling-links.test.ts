/** Words between threads: there for whoever looks after the teller has gone on, in order, and also when the teller dies. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { MessageChannel, Worker } from 'node:worker_threads'

import type { Topic } from '../../src/kit/siblings.ts'
import type { SiblingEnd } from '../../src/roles/threads/messages.ts'
import { SiblingLinks } from '../../src/roles/threads/sibling-links.ts'

const NUMBERS: Topic<number> = { name: 'numbers' }

function line(): [SiblingEnd, SiblingEnd] {
  const { port1, port2 } = new MessageChannel()
  const sent = new Int32Array(new SharedArrayBuffer(8))
  return [
    { peer: 'other', port: port1, sent, end: 0 },
    { peer: 'one', port: port2, sent, end: 1 },
  ]
}

/** Two threads' links, both in this thread. */
function pair(): { one: SiblingLinks; other: SiblingLinks; heard: number[] } & Disposable {
  const [here, there] = line()
  const [one, other] = [new SiblingLinks(), new SiblingLinks()]
  one.connect(here)
  other.connect(there)
  const heard: number[] = []
  other.hear(NUMBERS, (number) => heard.push(number))
  return {
    one,
    other,
    heard,
    [Symbol.dispose]() {
      one[Symbol.dispose]()
      other[Symbol.dispose]()
    },
  }
}

/** A thread that tells `last` numbers, and what it has told so far. */
function tellingThread(last: number) {
  const [here, there] = line()
  const told = new Int32Array(new SharedArrayBuffer(8))
  const links = new SiblingLinks()
  links.connect(here)
  const worker = new Worker(new URL('telling-thread.ts', import.meta.url), {
    workerData: { end: there, told, last },
    transferList: [there.port],
  })
  const heard: number[] = []
  links.hear(NUMBERS, (number) => heard.push(number))
  return { links, worker, told, heard }
}

test('a word is there as soon as it was told, without a turn of the event loop', () => {
  using links = pair()
  links.other.startHearing()
  for (const number of [1, 2, 3]) {
    links.one.tell(NUMBERS, number)
    links.other.catchUp()
    assert.equal(links.heard.at(-1), number)
  }
  assert.deepEqual(links.heard, [1, 2, 3])
})

test('words are taken over between requests too, each once and in order', async () => {
  using links = pair()
  links.other.startHearing()
  for (let number = 0; number < 100; number += 1) links.one.tell(NUMBERS, number)
  links.other.catchUp()
  for (let number = 100; number < 3_000; number += 1) links.one.tell(NUMBERS, number)
  while (links.heard.length < 3_000) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(
    links.heard,
    Array.from({ length: 3_000 }, (_, index) => index),
  )
})

test('words wait for whoever has not loaded yet what they change', async () => {
  using links = pair()
  links.one.tell(NUMBERS, 1)
  for (let turns = 0; turns < 10; turns += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(links.heard, [])
  links.other.startHearing()
  links.other.catchUp()
  assert.deepEqual(links.heard, [1])
})

test('a thread that looks after another has told finds everything, while that one goes on telling', async () => {
  const last = 20_000
  const { links, worker, told, heard } = tellingThread(last)
  links.startHearing()
  let looks = 0
  // Not one turn of the event loop in between: only looking brings anything.
  while (Atomics.load(told, 0) === 0) await new Promise((resolve) => setImmediate(resolve))
  while (heard.length < last) {
    const acknowledged = Atomics.load(told, 0)
    links.catchUp()
    looks += 1
    assert.ok(heard.length >= acknowledged, `${heard.length} of ${acknowledged} after look ${looks}`)
  }
  assert.equal(heard.at(-1), last)
  assert.deepEqual(heard, [...new Set(heard)])
  Atomics.store(told, 1, 1)
  Atomics.notify(told, 1)
  links[Symbol.dispose]()
  await worker.terminate()
})

test('what a thread told before it died is heard', async () => {
  const { links, worker, told, heard } = tellingThread(2 ** 30)
  while (Atomics.load(told, 0) < 1_000) await new Promise((resolve) => setTimeout(resolve, 1))
  const ended = once(worker, 'exit')
  await worker.terminate()
  await ended
  const acknowledged = Atomics.load(told, 0)
  links.startHearing()
  links.catchUp()
  assert.ok(heard.length >= acknowledged, `${heard.length} of ${acknowledged}`)
  links[Symbol.dispose]()
})

test('the line to a thread that came back takes the place of the old one', () => {
  using links = pair()
  const [here, there] = line()
  const successor = new SiblingLinks()
  successor.connect(there)
  const heard: number[] = []
  successor.hear(NUMBERS, (number) => heard.push(number))
  successor.startHearing()
  links.one.connect(here)
  links.one.tell(NUMBERS, 7)
  successor.catchUp()
  links.other.startHearing()
  links.other.catchUp()
  assert.deepEqual([heard, links.heard], [[7], []])
  successor[Symbol.dispose]()
})
