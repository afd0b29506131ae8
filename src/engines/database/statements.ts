/**
 * Tagged templates → PostgreSQL statements: values become `$1 … $n`, fragments are spliced in place.
 *
 * A template without fragments always gives the same text, so it is composed once per place in the source and gets a
 * name: `pg` then prepares it once per connection and sends only the values afterwards. With fragments the text may
 * differ from call to call; such a statement stays nameless, so that a connection's prepared statements are bounded by
 * the source code and not by the traffic. Where all fragments are of `fixedSql`, it is known by its text.
 */
import { isSqlFragment } from './contract.ts'
import { parameter } from './values.ts'

export interface Statement {
  readonly text: string
  readonly values: unknown[]
  /** Present when the text is constant: the name under which it is prepared. */
  readonly name?: string
}

export type Compile = (strings: TemplateStringsArray, values: readonly unknown[]) => Statement

/** A compiler with its own names: one per pool, because names live in connections. */
export function statementCompiler(): Compile {
  const constant = new WeakMap<TemplateStringsArray, { name: string; text: string }>()
  const fixed = new Map<string, string>()
  let named = 0
  return (strings, values) => {
    const known = constant.get(strings)
    if (known !== undefined && !values.some(isSqlFragment)) return { ...known, values: values.map(parameter) }
    const statement = compose(strings, values)
    if (values.some(isSqlFragment)) {
      if (!values.every(isFixed)) return statement
      const name = fixed.get(statement.text) ?? `f${fixed.size + 1}`
      fixed.set(statement.text, name)
      return { ...statement, name }
    }
    named += 1
    const compiled = { name: `s${named}`, text: statement.text }
    constant.set(strings, compiled)
    return { ...compiled, values: statement.values }
  }
}

/** True of values, too: they do not change the text. */
function isFixed(value: unknown): boolean {
  return !isSqlFragment(value) || (value.fixed === true && value.values.every(isFixed))
}

function compose(strings: readonly string[], values: readonly unknown[]): Statement {
  const parameters: unknown[] = []
  return { text: splice(strings, values, parameters), values: parameters }
}

function splice(strings: readonly string[], values: readonly unknown[], parameters: unknown[]): string {
  let text = strings[0] ?? ''
  for (const [index, value] of values.entries()) {
    if (isSqlFragment(value)) {
      text += splice(value.strings, value.values, parameters)
    } else {
      parameters.push(parameter(value))
      text += `$${parameters.length}`
    }
    text += strings[index + 1] ?? ''
  }
  return text
}
