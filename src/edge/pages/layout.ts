/** The frame of every page, and the parts forms are made of. */
import type { ErrorDetails } from '../../kit/errors.ts'
import { html } from './html.ts'
import type { Html, HtmlValue } from './html.ts'
import { BIRD_PATH, PAGE_ICON, STYLESHEET } from './stylesheet.ts'

export interface Frame {
  /** The server's name, at the head of the page and in its title. */
  server: string
  /** The page's own title. */
  title: string
  wide?: boolean
}

export function page({ server, title, wide }: Frame, content: HtmlValue): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title} · ${server}</title>
        <link rel="stylesheet" href="${STYLESHEET.path}" />
        <link rel="icon" type="image/svg+xml" href="${PAGE_ICON.path}" />
      </head>
      <body>
        <header>
          <a href="/"
            ><svg viewBox="0 0 32 28" aria-hidden="true"><path fill="currentColor" d="${BIRD_PATH}" /></svg
            ><bdi>${server}</bdi></a
          >
        </header>
        <main class="${wide === true ? 'wide' : 'narrow'}">${content}</main>
        <footer>Runs on Dunlin, a microblog of your own</footer>
      </body>
    </html> `
}

/** Hidden fields of every form: the proof that it came from our own page, and what it carries along. */
export function hiddenFields(csrfToken: string, carried: Record<string, string> = {}): Html {
  const fields = Object.entries({ authenticity_token: csrfToken, ...carried })
  return html`${fields.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}`
}

export interface TextField {
  name: string
  label: string
  value?: string
  type?: 'text' | 'password'
  autocomplete: string
  hint?: string | undefined
  fault?: string | undefined
  suffix?: string
  /** Most characters the browser lets a person type. */
  max?: number
  isEmail?: boolean
  autofocus?: boolean
}

/** `type=email` is not used for addresses: browsers refuse `me@localhost:3000`. */
export function textField(field: TextField): Html {
  const id = idOf(field.name)
  const input = html`<input
    id="${id}"
    name="${field.name}"
    type="${field.type ?? 'text'}"
    value="${field.value ?? ''}"
    autocomplete="${field.autocomplete}"
    autocapitalize="none"
    spellcheck="false"
    required${field.max !== undefined && html` maxlength="${field.max}"`}${field.isEmail === true && html` inputmode="email"`}${describedBy(field, id)}${field.autofocus === true && html` autofocus`}
  />`
  return html`<div class="field">
    <label for="${id}">${field.label}</label>
    ${field.suffix === undefined ? input : html`<div class="with-suffix">${input}<span>${field.suffix}</span></div>`}
    ${notes(field, id)}
  </div>`
}

export function longTextField(field: Omit<TextField, 'type' | 'suffix' | 'isEmail'>): Html {
  const id = idOf(field.name)
  return html`<div class="field">
    <label for="${id}">${field.label}</label>
    <textarea
      id="${id}"
      name="${field.name}"
      rows="4"
      autocomplete="${field.autocomplete}"
      ${field.max !== undefined && html` maxlength="${field.max}"`}${describedBy(field, id)}
    >
${field.value ?? ''}</textarea>
    ${notes(field, id)}
  </div>`
}

function describedBy(field: { hint?: string | undefined; fault?: string | undefined }, id: string): Html {
  const ids = [field.hint !== undefined && `${id}_hint`, field.fault !== undefined && `${id}_fault`].filter(Boolean)
  return html`${ids.length > 0 && html` aria-describedby="${ids.join(' ')}"`}${field.fault !== undefined && html` aria-invalid="true"`}`
}

function notes(field: { hint?: string | undefined; fault?: string | undefined }, id: string): Html {
  return html`${field.hint !== undefined && html`<span class="hint" id="${id}_hint">${field.hint}</span>`}${field.fault !== undefined && html`<span class="fault" id="${id}_fault">${field.fault}</span>`}`
}

/** Heads a form that was sent back; screen readers read it out. */
export function alertBox(text: string | undefined): Html {
  return html`${text !== undefined && html`<div class="alert" role="alert"><p>${text}</p></div>`}`
}

export function noteBox(text: string | undefined): Html {
  return html`${text !== undefined && html`<div class="note" role="status"><p>${text}</p></div>`}`
}

/** The faults of one field as a sentence: `Is too short (minimum is 8 characters)`. */
export function faultOf(details: ErrorDetails | undefined, field: string): string | undefined {
  const faults = details?.[field]
  if (faults === undefined || faults.length === 0) return undefined
  const text = faults.map(({ description }) => description).join(', ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** `user[email]` → `user_email`, as Rails names it. */
function idOf(name: string): string {
  return name.replaceAll(/\W+/g, '_').replace(/_$/, '')
}
