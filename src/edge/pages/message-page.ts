/** Pages that only say something. */
import { html } from './html.ts'
import type { Html } from './html.ts'
import { page } from './layout.ts'
import type { PageSettings } from './page-settings.ts'

export interface Message {
  heading: string
  paragraphs: readonly string[]
  links?: readonly { href: string; text: string }[]
}

export function messagePage(settings: Pick<PageSettings, 'title'>, { heading, paragraphs, links = [] }: Message): Html {
  return page(
    { server: settings.title, title: heading },
    html`<h1>${heading}</h1>
      ${paragraphs.map((text) => html`<p>${text}</p>`)}
      ${links.length > 0 && html`<div class="actions">${links.map(({ href, text }) => html`<a class="button plain" href="${href}">${text}</a>`)}</div>`}`,
  )
}

const HEADINGS: Record<number, string> = {
  400: 'That did not work',
  401: 'Please sign in',
  403: 'You may not do that',
  404: 'There is nothing here',
  413: 'That is too large',
  422: 'That did not work',
  429: 'Too many tries',
  500: 'Something broke on our side',
  503: 'Please try again in a moment',
}

/** For the server's error handler: a status and a text that is safe to show. */
export function errorPage(settings: Pick<PageSettings, 'title'>, status: number, text: string): Html {
  const advice = status === 429 ? ['You have tried this too often. Wait a few minutes, then try again.'] : [`${text}.`]
  return messagePage(settings, {
    heading: HEADINGS[status] ?? 'That did not work',
    paragraphs: advice.map((line) => line.replace(/\.\.$/, '.')),
    links: [{ href: '/', text: 'To the front page' }],
  })
}

/** The code for an app that cannot be redirected to. */
export function nativeCodePage(settings: PageSettings, code: string): Html {
  return page(
    { server: settings.title, title: 'Authorization code' },
    html`<h1>Copy this code into the app</h1>
      <p>
        The app you came from asks for it. Give it to nobody else: it lets its holder use your account. It works once,
        within ten minutes.
      </p>
      <code class="code">${code}</code>`,
  )
}
