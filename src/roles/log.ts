/** The log of a process: one JSON line an event on standard error, or short lines where a person looks at a terminal. */
import { writeSync } from 'node:fs'

import pino from 'pino'

import type { Config } from '../kit/config/config.ts'
import type { Log } from '../kit/log.ts'

/** Never in a log, wherever in an event they turn up. */
const SECRET_FIELDS = ['password', 'token', 'secret', 'authorization', 'cookie', 'code', 'email']

/** A thread names itself in each of its lines. */
export function openLog(
  config: Pick<Config, 'logLevel'>,
  where: { thread?: string; isTerminal: boolean } = { isTerminal: process.stderr.isTTY },
): Log {
  const options: pino.LoggerOptions = {
    level: config.logLevel,
    base: where.thread === undefined ? null : { thread: where.thread },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
    redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  }
  if (!where.isTerminal) return pino(options, pino.destination(STANDARD_ERROR))
  return pino(options, { write: (line: string) => void writeSync(STANDARD_ERROR, `${shortLine(line)}\n`) })
}

const STANDARD_ERROR = 2

/** `12:30:05 warn event text {other fields}` of a JSON line. */
function shortLine(line: string): string {
  const fields: unknown = JSON.parse(line)
  if (typeof fields !== 'object' || fields === null) return line
  const { time, level, event, msg, ...rest } = fields as Record<string, unknown> // pino writes objects
  const words = [time, level, event, msg].filter((word) => typeof word === 'string')
  if (typeof time === 'string') words[0] = time.slice(11, 19)
  return words.join(' ') + (Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`)
}
