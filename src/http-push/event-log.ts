/**
 * The newest events in the order in which this thread heard them, for clients that come back and say what they saw last. It
 * names what happened and not who heard it: who may hear it is asked again when it is told again.
 */
import type { Happening } from './happening.ts'

export interface LogEntry {
  /** Of the message on the bus, and so the same on every thread. */
  readonly id: bigint
  readonly atMs: number
  readonly happening: Happening
}

export class EventLog {
  readonly #entriesMax: number
  readonly #ageMs: number
  /** In insertion order, which is the order of events. */
  readonly #entries = new Map<bigint, LogEntry>()

  constructor(entriesMax: number, ageMs: number) {
    this.#entriesMax = entriesMax
    this.#ageMs = ageMs
  }

  /** False when it is there already: the message came again. */
  add(entry: LogEntry): boolean {
    if (this.#entries.has(entry.id)) return false
    this.#entries.set(entry.id, entry)
    for (const [id, { atMs }] of this.#entries) {
      if (this.#entries.size <= this.#entriesMax && entry.atMs - atMs <= this.#ageMs) break
      this.#entries.delete(id)
    }
    return true
  }

  /** What came after the event of that id, oldest first; undefined when it is not known (any more). */
  after(id: bigint): LogEntry[] | undefined {
    if (!this.#entries.has(id)) return undefined
    const entries: LogEntry[] = []
    let passed = false
    for (const entry of this.#entries.values()) {
      if (passed) entries.push(entry)
      else passed = entry.id === id
    }
    return entries
  }
}
