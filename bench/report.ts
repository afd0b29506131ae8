/** How every benchmark reports: a table for people, then one JSON object as the last line for programs. */

export interface BenchOptions {
  /** A few seconds instead of a careful measurement. */
  quick: boolean
}

export type BenchValue = string | number | boolean | null

export interface BenchResult {
  /** One line each, with the same columns. */
  rows: Record<string, BenchValue>[]
  /** What the last line says. */
  summary: { bench: string } & Record<string, BenchValue>
}

export interface BenchModule {
  run(options: BenchOptions): Promise<BenchResult>
}

/** Columns are aligned: text to the left, numbers to the right, grouped by thousands. */
export function formatTable(rows: BenchResult['rows']): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = [columns, ...rows.map((row) => columns.map((column) => formatCell(row[column] ?? null)))]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)))
  const isNumber = columns.map((column) => rows.some((row) => typeof row[column] === 'number'))
  const lines = cells.map((line) =>
    line
      .map((cell, index) => (isNumber[index] ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}

function formatCell(value: BenchValue): string {
  if (value === null) return '–'
  if (typeof value !== 'number') return String(value)
  const fractionDigits = Number.isInteger(value) ? 0 : Math.abs(value) < 10 ? 3 : 1
  return value.toLocaleString('en-US', { minimumFractionDigits: fractionDigits, maximumFractionDigits: fractionDigits })
}

export function printReport(result: BenchResult): void {
  console.log(formatTable(result.rows))
  console.log()
  console.log(JSON.stringify(result.summary))
}

/** The middle of the values; the lower one of two middles. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
}

/** The value below which `share` (0 to 1) of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Four significant digits are all a measurement has. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
