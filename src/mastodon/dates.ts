/** Dates as clients insist on them: exactly three decimals, upper-case T and Z. */

export function dateTime(ms: number): string {
  return new Date(ms).toISOString()
}

export function dateTimeOrNull(ms: number | null): string | null {
  return ms === null ? null : dateTime(ms)
}

/** The day alone: `2026-08-07`. */
export function day(ms: number): string {
  return dateTime(ms).slice(0, 10)
}

/** The start of the day, as accounts tell of their creation. */
export function midnight(ms: number): string {
  return `${day(ms)}T00:00:00.000Z`
}
