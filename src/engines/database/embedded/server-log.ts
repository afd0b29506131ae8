/** PostgreSQL's messages into Dunlin's log, bounded: a server in trouble must not drown everything else. */
import type { Interface } from 'node:readline'

import type { Log } from '../../../kit/log.ts'

/** Lines per window; the rest are counted only. */
const LINES_MAX = 50
const WINDOW_MS = 10_000
const LINE_CHARACTERS_MAX = 1_000
/** Kept to explain why a start failed. */
const LAST_LINES = 8

const SERIOUS = /^(FATAL|PANIC):/

export function serverLog(lines: Interface, log: Log): { last(): string } {
  const last: string[] = []
  let windowMs = -Infinity
  let inWindow = 0
  lines.on('line', (line) => {
    const text = line.slice(0, LINE_CHARACTERS_MAX)
    last.push(text)
    if (last.length > LAST_LINES) last.shift()
    const nowMs = performance.now()
    if (nowMs - windowMs > WINDOW_MS) {
      if (inWindow > LINES_MAX) log.warn({ event: 'postgres.log_dropped', lines: inWindow - LINES_MAX })
      windowMs = nowMs
      inWindow = 0
    }
    inWindow += 1
    if (inWindow > LINES_MAX) return
    if (SERIOUS.test(text)) log.warn({ event: 'postgres.said', text })
    else log.debug({ event: 'postgres.said', text })
  })
  return { last: () => last.join(' ') || 'it said nothing' }
}
