/** How values travel: JavaScript → parameters, and PostgreSQL's text format → JavaScript. */
import pg from 'pg'

/** Object ids of built-in types, from PostgreSQL's `pg_type.dat`; they never change. */
const INT8 = 20
const DATE = 1082
const NUMERIC = 1700
const INT8_ARRAY = 1016

type Parse = (text: string) => unknown

const parsers = new Map<number, Parse>([
  [INT8, BigInt],
  [INT8_ARRAY, parseBigints],
  // A day has no time zone and a numeric more digits than a double: both stay text.
  [DATE, (text) => text],
  [NUMERIC, (text) => text],
])

/** For `pg`'s `types` option: one pool's parsers, so that no other user of the library is affected. */
export const typeParsers: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : parsers.get(oid)) ?? pg.types.getTypeParser(oid, format),
}

function parseBigints(text: string): bigint[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',').map(BigInt)
}

/** What `pg` is to send for `value`. Everything not named here, it serialises itself as the contract says. */
export function parameter(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  // Typed arrays would be sent as their bytes, and long lists of ids need no quoting: `{1,2,3}`.
  if (value instanceof BigInt64Array || value instanceof BigUint64Array) return `{${value.join(',')}}`
  if (Array.isArray(value) && typeof value[0] === 'bigint' && value.every(isBigint)) return `{${value.join(',')}}`
  return value
}

function isBigint(value: unknown): boolean {
  return typeof value === 'bigint'
}
