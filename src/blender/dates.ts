/**
 * Times in queries, in UTC: a year, a month, a day, a moment, or how long ago (`7d`, `36h`, `2w`, `yesterday`).
 * As in Mastodon, `before:` is before the time begins, `after:` when it is over, and `during:` in between.
 */

/** Milliseconds since 1970; the end is exclusive. */
export interface TimeSpan {
  startMs: number
  endMs: number
}

const DAY_MS = 86_400_000
const UNIT_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
  mo: 30 * DAY_MS,
  y: 365 * DAY_MS,
}
const AGO = /^(\d{1,5})(mo|[mhdwy])(?:in(?:utes?)?|ours?|ays?|eeks?|onths?|ears?)?$/
const DATE = /^(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?$/
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:?\d\d)?$/i

/** Undefined for what is no time. "7d" is a span of its own: from then until now. */
export function timeSpan(value: string, nowMs: number): TimeSpan | undefined {
  const text = value.trim().toLowerCase()
  const today = nowMs - (nowMs % DAY_MS)
  if (text === 'today') return { startMs: today, endMs: today + DAY_MS }
  if (text === 'yesterday') return { startMs: today - DAY_MS, endMs: today }
  if (text === 'now') return { startMs: nowMs, endMs: nowMs }
  return calendarSpan(text) ?? moment(text)
}

/** "7d" → that moment; undefined when it is not said in this way. */
export function agoMs(value: string, nowMs: number): number | undefined {
  const [, count, unit = ''] = AGO.exec(value.trim().toLowerCase()) ?? []
  return count === undefined ? undefined : nowMs - Number(count) * (UNIT_MS[unit] ?? 0)
}

function calendarSpan(text: string): TimeSpan | undefined {
  const [, years, months, days] = DATE.exec(text) ?? []
  if (years === undefined) return undefined
  const [year, month, day] = [Number(years), Number(months ?? 1), Number(days ?? 1)]
  const startMs = Date.UTC(year, month - 1, day)
  const date = new Date(startMs)
  // 31 February is no day.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  if (days !== undefined) return { startMs, endMs: startMs + DAY_MS }
  return { startMs, endMs: months === undefined ? Date.UTC(year + 1, 0) : Date.UTC(year, month) }
}

function moment(text: string): TimeSpan | undefined {
  if (!MOMENT.test(text)) return undefined
  const zoned = /(?:z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}z`
  const startMs = Date.parse(zoned.toUpperCase())
  return Number.isNaN(startMs) ? undefined : { startMs, endMs: startMs + 1 }
}
