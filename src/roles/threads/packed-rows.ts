/** Timeline entries as one block of numbers, which is handed over between threads without being copied. */
import type { TimelineEntry } from '../../timeline-cache/contract.ts'

/** Id, author, boosted status, flags. */
const ROW = 4

export function packRows(entries: readonly TimelineEntry[]): BigInt64Array<ArrayBuffer> {
  const rows = new BigInt64Array(entries.length * ROW)
  for (const [index, { id, author, boostOf, flags }] of entries.entries()) {
    rows.set([id, author, boostOf, BigInt(flags)], index * ROW)
  }
  return rows
}

export function unpackRows(rows: BigInt64Array): TimelineEntry[] {
  return Array.from({ length: rows.length / ROW }, (_, index) => {
    const [id, author, boostOf, flags] = rows.subarray(index * ROW, (index + 1) * ROW)
    return { id, author, boostOf, flags: Number(flags) } as TimelineEntry // as packed
  })
}
