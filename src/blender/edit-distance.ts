/** Longer words are not compared: UTF-16 units. */
const UNITS_MAX = 64

/**
 * Whether one word becomes the other by at most so many insertions, deletions, replacements and swaps of neighbours (the
 * optimal string alignment distance; Damerau, 1964).
 */
export function isWithinDistance(one: string, other: string, distance: number): boolean {
  if (Math.abs(one.length - other.length) > distance || Math.max(one.length, other.length) > UNITS_MAX) return false
  let before: number[] = []
  let above = Array.from({ length: other.length + 1 }, (_, column) => column)
  for (let row = 1; row <= one.length; row += 1) {
    const here = [row]
    for (let column = 1; column <= other.length; column += 1) {
      const same = one[row - 1] === other[column - 1]
      const replaced = (above[column - 1] ?? 0) + (same ? 0 : 1)
      let best = Math.min((above[column] ?? 0) + 1, (here[column - 1] ?? 0) + 1, replaced)
      const swapped = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      if (swapped) best = Math.min(best, (before[column - 2] ?? 0) + 1)
      here.push(best)
    }
    before = above
    above = here
  }
  return (above[other.length] ?? Infinity) <= distance
}
