/** Terms of a segment in the order of their bytes. */
import type { Segment } from './segment.ts'
import { compareBytes } from './term-bytes.ts'

const HEAD_BYTES = 4
/** Terms of one segment; with the head they fill the 53 bits of a double. */
const TERM_SPAN = 2 ** 21

/** A sealed segment has them so; those of a live one are sorted by their first bytes as numbers, and within those by comparing. */
export function sortedTerms(segment: Segment): Uint32Array {
  const order = new Uint32Array(segment.terms)
  if (segment.sealed) {
    for (let term = 0; term < order.length; term++) order[term] = term
    return order
  }
  const keys = new Float64Array(order.length)
  for (let term = 0; term < keys.length; term++) keys[term] = headOf(segment, term) * TERM_SPAN + term
  keys.sort()
  for (let begin = 0; begin < keys.length;) {
    const head = Math.floor((keys[begin] ?? 0) / TERM_SPAN)
    let end = begin + 1
    while (end < keys.length && Math.floor((keys[end] ?? 0) / TERM_SPAN) === head) end++
    const run = Array.from(keys.subarray(begin, end), (key) => key % TERM_SPAN)
    if (run.length > 1) run.sort((a, b) => compareTerms(segment, a, segment, b))
    order.set(run, begin)
    begin = end
  }
  return order
}

export function compareTerms(one: Segment, a: number, other: Segment, b: number): number {
  const { bytes, at, length } = one.termAt(a)
  return compareBytes(bytes, at, length, other.termAt(b))
}

function headOf(segment: Segment, term: number): number {
  const { bytes, at, length } = segment.termAt(term)
  let head = 0
  for (let n = 0; n < HEAD_BYTES; n++) head = head * 256 + (n < length ? (bytes[at + n] ?? 0) : 0)
  return head
}
