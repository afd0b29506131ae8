/**
 * HTML by tagged templates: every value is escaped unless it is a piece made by `html` itself, so that a forgotten escape
 * cannot happen. Attributes must be written in double quotes, with the whole value inside them.
 */
const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Escaped text; only `html` and `document` make it. */
export class Html {
  readonly #text: string

  /** Not for use outside this file: whatever is given counts as safe. */
  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

/** `false`, `null` and `undefined` give nothing, so that `${condition && html`…`}` reads well. */
export type HtmlValue = Html | string | number | bigint | false | null | undefined | readonly HtmlValue[]

export function html(strings: TemplateStringsArray, ...values: HtmlValue[]): Html {
  let text = strings[0] ?? ''
  for (const [index, value] of values.entries()) text += render(value) + (strings[index + 1] ?? '')
  return new Html(text)
}

/** HTML that `text/render.ts` made of somebody's text: what they wrote is escaped in it already. */
export function rendered(text: string): Html {
  return new Html(text)
}

function render(value: HtmlValue): string {
  if (value instanceof Html) return value.toString()
  if (typeof value === 'string') return value.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? '')
  if (typeof value === 'number' || typeof value === 'bigint') return value.toString()
  return value === false || value === null || value === undefined ? '' : value.map(render).join('')
}
