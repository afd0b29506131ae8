/** Who hears what: every channel that has at least one line, by its key. */
import type { Channel } from './channel.ts'
import type { Line } from './line.ts'

export interface Topic {
  readonly channel: Channel
  /** With the name under which each line subscribed. */
  readonly lines: Map<Line, readonly string[]>
  /** What a line's subscription keeps open, where it keeps anything. */
  readonly held: Map<Line, Disposable> | undefined
}

export class Topics {
  readonly #topics = new Map<string, Topic>()
  #subscriptions = 0

  get subscriptions(): number {
    return this.#subscriptions
  }

  find(key: string): Topic | undefined {
    return this.#topics.get(key)
  }

  all(): Iterable<Topic> {
    return this.#topics.values()
  }

  /** Again: nothing. `held` is disposed when the subscription ends. */
  add(line: Line, channel: Channel, held?: Disposable): void {
    let topic = this.#topics.get(channel.key)
    if (topic === undefined) {
      topic = { channel, lines: new Map(), held: channel.kind === 'list' ? new Map() : undefined }
      this.#topics.set(channel.key, topic)
    }
    if (topic.lines.has(line)) return held?.[Symbol.dispose]()
    topic.lines.set(line, channel.names)
    if (held !== undefined) topic.held?.set(line, held)
    line.topics.push(topic)
    this.#subscriptions += 1
  }

  remove(line: Line, key: string): void {
    const topic = this.#topics.get(key)
    if (topic === undefined || !topic.lines.has(line)) return
    line.topics.splice(line.topics.indexOf(topic), 1)
    this.#leave(line, topic)
  }

  removeAll(line: Line): void {
    for (const topic of line.topics) this.#leave(line, topic)
    line.topics.length = 0
  }

  #leave(line: Line, topic: Topic): void {
    if (topic.lines.delete(line)) this.#subscriptions -= 1
    topic.held?.get(line)?.[Symbol.dispose]()
    topic.held?.delete(line)
    if (topic.lines.size === 0) this.#topics.delete(topic.channel.key)
  }
}
