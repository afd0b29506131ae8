/**
 * PostgreSQL, the one record of truth. Statements are tagged templates: values become parameters, `sql` fragments nest,
 * and a statement without fragments is prepared once per connection.
 * Types: int8 → bigint, int4 → number, timestamptz → Date, jsonb → parsed, bytea → Buffer, int8[] → bigint[],
 * numeric and date → string, float8 → number.
 * Parameters: bigint, number, string, boolean, Date, Buffer, null (undefined is sent as null), and arrays of them,
 * `BigInt64Array` and `BigUint64Array` included: `where id = any(${ids})`. Of jsonb the caller sends the text:
 * `${JSON.stringify(value)}::jsonb` (a plain array would become a PostgreSQL array).
 */
export interface SqlFragment {
  readonly strings: readonly string[]
  readonly values: readonly unknown[]
  /** Its text never varies but by its own fragments: made by `fixedSql`. */
  readonly fixed?: true
  /** Only `sql` makes fragments: a symbol cannot come out of JSON, so no document can pose as a piece of a statement. */
  readonly [fragmentMark]: true
}

const fragmentMark = Symbol('sql fragment')

export function isSqlFragment(value: unknown): value is SqlFragment {
  return typeof value === 'object' && value !== null && fragmentMark in value
}

export interface Db {
  rows<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row[]>
  /** The first row, or undefined. */
  one<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row | undefined>
  /** How many rows were affected. */
  run(strings: TemplateStringsArray, ...values: unknown[]): Promise<number>
}

export interface Database extends Db, AsyncDisposable {
  /**
   * Runs `work` in one transaction (read committed; `synchronous_commit = on`): committed when it returns, rolled back
   * when it throws. Connection failures become AppError `unavailable`.
   */
  transaction<T>(work: (tx: Db) => Promise<T>): Promise<T>
  /** True when a trivial query answers within `deadlineMs`. */
  healthy(deadlineMs: number): Promise<boolean>
}

/** PostgreSQL's SQLSTATE of an error, if it is one of the database's. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  const { code } = error
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

export const UNIQUE_VIOLATION = '23505'

/** A piece of a statement: `db.rows\`select … where ${sql\`id < ${max}\`}\``. */
export function sql(strings: TemplateStringsArray, ...values: unknown[]): SqlFragment {
  return { strings, values, [fragmentMark]: true }
}

/**
 * A piece of few statements. One that has no other pieces is prepared once per connection, as those without pieces are:
 * so it is for what is asked all the time, and PostgreSQL keeps each combination of such pieces.
 */
export function fixedSql(strings: TemplateStringsArray, ...values: unknown[]): SqlFragment {
  return { strings, values, fixed: true, [fragmentMark]: true }
}

/** Nothing, where a fragment is optional. */
export const noSql: SqlFragment = fixedSql``

/** Fragments joined by `and`; `true` when there are none. */
export function allOf(conditions: readonly SqlFragment[]): SqlFragment {
  const [first, ...rest] = conditions
  if (first === undefined) return sql`true`
  return rest.reduce((joined, next) => sql`${joined} and ${next}`, first)
}
