/**
 * Many keywords in one pass over the text: the automaton of Aho and Corasick (1975, "Efficient string matching"), over
 * UTF-16 units of folded text. Building is linear in the keywords, searching in the text.
 */

export interface Keyword {
  keyword: string
  wholeWord: boolean
}

interface Node {
  next: Map<number, Node>
  /** Where to go on when no unit fits: the longest proper suffix that is also a prefix of some keyword. */
  fail: Node | undefined
  /** The nearest node on the way of failures that ends a keyword. */
  shorter: Node | undefined
  /** Keywords that end here, as indices. */
  ends: number[]
}

/** A function that gives the indices of the keywords that occur in a text, ascending. */
export function keywordSearch(keywords: readonly Keyword[]): (text: string) => number[] {
  const folded = keywords.map(({ keyword }) => fold(keyword))
  const root = buildTrie(folded)
  linkFailures(root)
  return (text) => {
    const found = new Set<number>()
    const haystack = fold(text)
    let node = root
    for (let i = 0; i < haystack.length; i++) {
      node = step(root, node, haystack.charCodeAt(i))
      for (let hit: Node | undefined = node; hit !== undefined; hit = hit.shorter) {
        for (const index of hit.ends) {
          if (found.has(index)) continue
          const start = i + 1 - (folded[index]?.length ?? 0)
          if (keywords[index]?.wholeWord !== true || isWholeWord(haystack, start, i + 1)) found.add(index)
        }
      }
    }
    return [...found].toSorted((one, other) => one - other)
  }
}

const ACCENTS = /[\u0300-\u036f]/g

/** Case, full-width forms and the accents of Latin, Greek and Cyrillic letters make no difference. */
function fold(text: string): string {
  return text.normalize('NFKD').replace(ACCENTS, '').normalize('NFC').toLowerCase()
}

function buildTrie(keywords: readonly string[]): Node {
  const root = newNode()
  for (const [index, keyword] of keywords.entries()) {
    if (keyword === '') continue
    let node = root
    for (let i = 0; i < keyword.length; i++) {
      const unit = keyword.charCodeAt(i)
      const next = node.next.get(unit) ?? newNode()
      node.next.set(unit, next)
      node = next
    }
    node.ends.push(index)
  }
  return root
}

function newNode(): Node {
  return { next: new Map(), fail: undefined, shorter: undefined, ends: [] }
}

/** Breadth first, so that every shorter suffix is linked before the longer ones need it. */
function linkFailures(root: Node): void {
  const queue: Node[] = []
  for (const child of root.next.values()) {
    child.fail = root
    queue.push(child)
  }
  for (const node of queue) {
    for (const [unit, child] of node.next) {
      child.fail = step(root, node.fail ?? root, unit)
      child.shorter = child.fail.ends.length > 0 ? child.fail : child.fail.shorter
      queue.push(child)
    }
  }
}

function step(root: Node, from: Node, unit: number): Node {
  let node: Node | undefined = from
  while (node !== undefined) {
    const next = node.next.get(unit)
    if (next !== undefined) return next
    node = node.fail
  }
  return root
}

/** Letters and digits of scripts that put spaces between words; the others have no ends of words to look for. */
const WORD =
  /[[\p{L}\p{N}\p{M}_]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]]/v

/** No word goes on across either end. An end that is no word character itself needs no boundary. */
function isWholeWord(text: string, start: number, end: number): boolean {
  const joinedBefore = WORD.test(charAt(text, start)) && WORD.test(charBefore(text, start))
  const joinedAfter = WORD.test(charBefore(text, end)) && WORD.test(charAt(text, end))
  return !joinedBefore && !joinedAfter
}

function charAt(text: string, at: number): string {
  const point = text.codePointAt(at)
  return point === undefined ? '' : String.fromCodePoint(point)
}

function charBefore(text: string, at: number): string {
  if (at <= 0) return ''
  const low = text.charCodeAt(at - 1)
  const isPair = at >= 2 && low >= 0xdc00 && low <= 0xdfff
  return isPair ? charAt(text, at - 2) : text.charAt(at - 1)
}
