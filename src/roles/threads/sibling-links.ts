/**
 * `Siblings` between the threads of a process: a line to each other one, and on it two counters in shared memory.
 *
 *   teller   change its own memory → post the word on every line → count it there → answer
 *   hearer   before each request: fewer words heard on a line than counted? → take those that are there, at once
 *
 * A posted word lies in the hearer's queue when `postMessage` returns, and it is counted after that: so whoever asks after
 * an answer finds the word, without waiting for anybody. Between requests the event loop takes words over by itself.
 */
import { receiveMessageOnPort } from 'node:worker_threads'

import type { Siblings, Topic } from '../../kit/siblings.ts'
import type { SiblingEnd } from './messages.ts'

/** [topic, body] */
type Word = readonly [string, unknown]

interface Link extends SiblingEnd {
  heard: number
}

export class SiblingLinks implements Siblings, Disposable {
  readonly #links = new Map<string, Link>()
  readonly #takers = new Map<string, Set<(body: never) => void>>()
  #isHearing = false

  /** From now on the peer is told; it takes the place of an earlier one of the name. */
  connect(end: SiblingEnd): void {
    const link: Link = { ...end, heard: 0 }
    this.#links.get(end.peer)?.port.close()
    this.#links.set(end.peer, link)
    link.port.on('close', () => {
      if (this.#links.get(end.peer) === link) this.#links.delete(end.peer)
    })
    if (this.#isHearing) this.#hearOn(link)
  }

  /** Words wait until this: whoever takes them over must have loaded what they change. */
  startHearing(): void {
    this.#isHearing = true
    for (const link of this.#links.values()) this.#hearOn(link)
  }

  /** Takes over every word that was told before this. */
  catchUp(): void {
    for (const link of this.#links.values()) {
      while (link.heard !== Atomics.load(link.sent, 1 - link.end)) {
        const received: { message: Word } | undefined = receiveMessageOnPort(link.port)
        if (received === undefined) break // the peer has gone, and this was all it said
        this.#take(link, received.message)
      }
    }
  }

  tell<Body>(topic: Topic<Body>, body: Body): void {
    const word: Word = [topic.name, body]
    for (const { port, sent, end } of this.#links.values()) {
      port.postMessage(word)
      Atomics.add(sent, end, 1)
    }
  }

  hear<Body>(topic: Topic<Body>, take: (body: Body) => void): Disposable {
    const takers = this.#takers.get(topic.name) ?? new Set()
    this.#takers.set(topic.name, takers.add(take))
    return { [Symbol.dispose]: () => takers.delete(take) }
  }

  [Symbol.dispose](): void {
    for (const { port } of this.#links.values()) port.close()
    this.#links.clear()
  }

  #hearOn(link: Link): void {
    link.port.on('message', (word: Word) => this.#take(link, word))
  }

  /** What throws here ends the thread: it would go on with memory that may hide a change. */
  #take(link: Link, [topic, body]: Word): void {
    link.heard = (link.heard + 1) | 0
    for (const take of this.#takers.get(topic) ?? []) take(body as never) // the type is tied to the topic
  }
}
