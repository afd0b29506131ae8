/** Where a command reads and writes: the process' own streams and surroundings, or a test's. */

/** Longest first line of standard input: a password or a token. */
const LINE_BYTES_MAX = 4_096

export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** The first line of standard input, without its end. */
  firstLine(): Promise<string>
  /** True when nobody reads any more. */
  isClosed(): boolean
  /** True when a person looks at `out`, so that it may be redrawn. */
  readonly isInteractive: boolean
  /** Columns of `out`. */
  readonly columns: number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

/** What the command line was used wrongly for: exit code 2, where a command that fails has 1. */
export class UsageError extends Error {}

export function processTerminal(): Terminal {
  let isClosed = false
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: Error) => {
      // As in `dunlin accounts list | head`: whoever read has seen enough.
      if (!('code' in error) || error.code !== 'EPIPE') throw error
      isClosed = true
    })
  }
  return {
    out: (text) => {
      if (!isClosed) process.stdout.write(`${text}\n`)
    },
    err: (text) => {
      if (!isClosed) process.stderr.write(`${text}\n`)
    },
    firstLine: () => firstLineOf(process.stdin),
    isClosed: () => isClosed,
    isInteractive: process.stdout.isTTY,
    columns: process.stdout.isTTY ? process.stdout.columns : Infinity,
    env: process.env,
    cwd: process.cwd(),
  }
}

export async function firstLineOf(input: AsyncIterable<Buffer | string>): Promise<string> {
  let text = ''
  for await (const chunk of input) {
    text += chunk.toString()
    if (text.includes('\n')) break
    if (text.length > LINE_BYTES_MAX)
      throw new UsageError(`The line on standard input is longer than ${LINE_BYTES_MAX} bytes.`)
  }
  const [line = ''] = text.split('\n')
  return line.replace(/\r$/, '')
}

/** Columns as wide as their longest cell, numbers with their ends below each other, lines cut at `width`. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], width = Infinity): string {
  const lines = [head, ...rows]
  const columns = head.map((_title, index) => ({
    width: Math.max(...lines.map((line) => (line[index] ?? '').length)),
    isNumeric: rows.every((row) => isNumeric(row[index] ?? '')),
  }))
  return lines
    .map((line) =>
      columns
        .map((column, index) => {
          const cell = line[index] ?? ''
          return column.isNumeric ? cell.padStart(column.width) : cell.padEnd(column.width)
        })
        .join('  ')
        .trimEnd()
        .slice(0, width),
    )
    .join('\n')
}

/** A number, or nothing where one would be. */
function isNumeric(cell: string): boolean {
  return /^(\d[\d.]*|-|)$/.test(cell)
}

/** JSON with ids as decimal strings. */
export function json(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => (typeof part === 'bigint' ? part.toString() : part))
}
