/**
 * What a person typed → a tree. No text is refused: what cannot be an operator is searched as words, and a note says so.
 * Every pass is linear in the length of the text, and the tree is bounded in size and depth.
 *
 *   any    = all ('OR' all)*            `|` is the same as OR
 *   all    = one+                       side by side: all of them; AND says nothing more
 *   one    = ['-' | 'NOT' | '+'] part
 *   part   = '(' any ')' | '"' words '"' | name ':' value | '#' tag | '@' person | word ['*']
 */

/** UTF-16 units of a query; the rest is passed over. */
export const QUERY_UNITS_MAX = 10_240
/** Words and operators of a query; the rest is passed over. */
export const QUERY_PARTS_MAX = 24
/** Parentheses within parentheses; deeper ones are passed over. */
export const QUERY_DEPTH_MAX = 12

export type Syntax =
  | { kind: 'all' | 'any'; of: Syntax[] }
  | { kind: 'not'; of: Syntax }
  /** `quoted`: these words, one after another. `begun`: the last one is only its beginning. */
  | { kind: 'words'; text: string; quoted: boolean; begun: boolean }
  | { kind: 'operator'; name: string; value: string }

export interface Parsed {
  /** Undefined when there is nothing to search for. */
  tree: Syntax | undefined
  /** What was understood otherwise than it was typed, in sentences. */
  notes: string[]
}

type Token = { kind: 'open' | 'close' | 'or' | 'not' } | { kind: 'part'; part: Syntax }

/** What ends a quotation, by what begins it. */
const CLOSING: Readonly<Record<string, string>> = { '"': '"', '“': '”', '„': '“”', '«': '»' }
/** A word ends before any of these. */
const BREAKS = /[\s()"“”„«»|]/g
const NAMED = /^([a-z_]{2,20}):(.*)$/is
const WORD_SIGNS: Readonly<Record<string, Token['kind'] | 'nothing'>> = { OR: 'or', AND: 'nothing', NOT: 'not' }

/** `isOperator` knows the names, in lower case, that mean something. */
export function parseSyntax(typed: string, isOperator: (name: string) => boolean): Parsed {
  const text = typed.slice(0, QUERY_UNITS_MAX).toWellFormed()
  const lexer = new Lexer(text, isOperator)
  const tokens = lexer.tokens()
  if (typed.length > QUERY_UNITS_MAX) {
    lexer.notes.add(`Only the first ${QUERY_UNITS_MAX} characters were searched for.`)
  }
  const tree = new TreeBuilder(tokens, lexer.notes).build()
  return { tree, notes: [...lexer.notes] }
}

class Lexer {
  readonly notes = new Set<string>()
  readonly #text: string
  readonly #isOperator: (name: string) => boolean
  readonly #tokens: Token[] = []
  #at = 0
  #parts = 0

  constructor(text: string, isOperator: (name: string) => boolean) {
    this.#text = text
    this.#isOperator = isOperator
  }

  tokens(): Token[] {
    while (this.#at < this.#text.length) {
      if (this.#parts >= QUERY_PARTS_MAX) {
        this.notes.add(`Only the first ${QUERY_PARTS_MAX} words and operators were searched for.`)
        break
      }
      this.#next()
    }
    return this.#tokens
  }

  #next(): void {
    const sign = this.#text.charAt(this.#at)
    if (/\s/.test(sign)) this.#at += 1
    else if (sign === '(' || sign === ')') this.#sign(sign === '(' ? 'open' : 'close')
    else if (sign === '|') this.#sign('or')
    else if (sign === '-' || sign === '−') this.#minus()
    else if (sign === '+') this.#at += 1
    else if (CLOSING[sign] !== undefined) this.#quotation()
    else this.#word()
  }

  #sign(kind: 'open' | 'close' | 'or' | 'not'): void {
    this.#at += 1
    this.#tokens.push({ kind })
  }

  /** A minus before a space, or before nothing, means nothing. */
  #minus(): void {
    const next = this.#text.charAt(this.#at + 1)
    if (next === '' || /[\s)|-]/.test(next)) this.#at += 1
    else this.#sign('not')
  }

  #part(part: Syntax): void {
    this.#parts += 1
    this.#tokens.push({ kind: 'part', part })
  }

  #quotation(): void {
    const quoted = this.#quoted()
    if (quoted !== undefined) this.#part({ kind: 'words', text: quoted, quoted: true, begun: false })
  }

  /** What stands in quotation marks here; undefined when they are not closed, and then they are passed over. */
  #quoted(): string | undefined {
    const closing = CLOSING[this.#text.charAt(this.#at)] ?? ''
    this.#at += 1
    const ends = [...closing].map((sign) => this.#text.indexOf(sign, this.#at)).filter((end) => end >= 0)
    if (ends.length === 0) {
      this.notes.add('A quotation mark is missing: its words were searched for one by one.')
      return undefined
    }
    const end = Math.min(...ends)
    const quoted = this.#text.slice(this.#at, end)
    this.#at = end + 1
    return quoted
  }

  #word(): void {
    BREAKS.lastIndex = this.#at
    const end = BREAKS.exec(this.#text)?.index ?? this.#text.length
    const from = this.#at
    this.#at = Math.max(end, from + 1)
    const word = this.#text.slice(from, this.#at)
    const sign = Object.hasOwn(WORD_SIGNS, word) ? WORD_SIGNS[word] : undefined
    if (sign === 'or' || sign === 'not') this.#tokens.push({ kind: sign })
    else if (sign === undefined) this.#named(word)
  }

  #named(word: string): void {
    const [, name = '', value = ''] = NAMED.exec(word) ?? []
    if (name !== '' && this.#isOperator(name.toLowerCase())) this.#operator(name.toLowerCase(), value)
    else if (/^[#＃]./u.test(word)) this.#part({ kind: 'operator', name: 'tag', value: word.slice(1) })
    else if (/^[@＠]./u.test(word)) this.#part({ kind: 'operator', name: 'mention', value: word.slice(1) })
    else {
      const begun = word.length > 1 && word.endsWith('*')
      this.#part({ kind: 'words', text: begun ? word.slice(0, -1) : word, quoted: false, begun })
    }
  }

  #operator(name: string, value: string): void {
    const isQuoted = value === '' && CLOSING[this.#text.charAt(this.#at)] !== undefined
    const whole = isQuoted ? (this.#quoted() ?? '') : value
    if (whole === '') {
      this.notes.add(`${name}: says nothing without a value, so it was searched for as a word.`)
      this.#part({ kind: 'words', text: name, quoted: false, begun: false })
    } else this.#part({ kind: 'operator', name, value: whole })
  }
}

class TreeBuilder {
  readonly #tokens: readonly Token[]
  readonly #notes: Set<string>
  #at = 0

  constructor(tokens: readonly Token[], notes: Set<string>) {
    this.#tokens = tokens
    this.#notes = notes
  }

  build(): Syntax | undefined {
    const parts: Syntax[] = []
    while (this.#at < this.#tokens.length) {
      const part = this.#any(0)
      if (part !== undefined) parts.push(part)
      if (this.#at >= this.#tokens.length) break
      this.#at += 1 // a parenthesis that nothing opened
      this.#notes.add('A parenthesis without its partner was passed over.')
    }
    return joined('all', parts)
  }

  #any(depth: number): Syntax | undefined {
    const alternatives: Syntax[] = []
    for (;;) {
      const all = this.#all(depth)
      if (all !== undefined) alternatives.push(all)
      if (this.#tokens[this.#at]?.kind !== 'or') return joined('any', alternatives)
      this.#at += 1
    }
  }

  #all(depth: number): Syntax | undefined {
    const parts: Syntax[] = []
    for (;;) {
      const token = this.#tokens[this.#at]
      if (token === undefined || token.kind === 'or' || token.kind === 'close') break
      const one = this.#one(depth)
      if (one !== undefined) parts.push(one)
    }
    return joined('all', parts)
  }

  #one(depth: number): Syntax | undefined {
    let negated = false
    while (this.#tokens[this.#at]?.kind === 'not') {
      negated = !negated
      this.#at += 1
    }
    const token = this.#tokens[this.#at]
    if (token === undefined || token.kind === 'or' || token.kind === 'close' || token.kind === 'not') return undefined
    this.#at += 1
    const part = token.kind === 'part' ? token.part : this.#group(depth + 1)
    return negated && part !== undefined ? { kind: 'not', of: part } : part
  }

  #group(depth: number): Syntax | undefined {
    if (depth > QUERY_DEPTH_MAX) {
      this.#notes.add(`Parentheses within more than ${QUERY_DEPTH_MAX} others were passed over.`)
      return undefined
    }
    const inner = this.#any(depth)
    if (this.#tokens[this.#at]?.kind === 'close') this.#at += 1
    else this.#notes.add('A parenthesis without its partner was passed over.')
    return inner
  }
}

function joined(kind: 'all' | 'any', of: Syntax[]): Syntax | undefined {
  const [first] = of
  return of.length < 2 ? first : { kind, of }
}
