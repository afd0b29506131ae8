/** `/`: what this server is, and the ways in. */
import { html } from './html.ts'
import type { Html } from './html.ts'
import { hiddenFields, noteBox, page } from './layout.ts'
import type { PageSettings } from './page-settings.ts'

export interface FrontModel {
  settings: PageSettings
  csrfToken: string
  /** Undefined for a stranger. */
  username: string | undefined
  /** True until an owner was made with the one-time link. */
  isFresh: boolean
  note?: string | undefined
}

export function frontPage({ settings, csrfToken, username, isFresh, note }: FrontModel): Html {
  return page(
    { server: settings.title, title: 'Welcome' },
    html`<h1><bdi>${settings.title}</bdi></h1>
      ${noteBox(note)} ${settings.description !== '' && html`<p>${settings.description}</p>`}
      ${isFresh && html`<div class="note"><p>This server has no owner yet. Its console shows a link that makes one; the link works for 15 minutes after the start.</p></div>`}
      ${username === undefined ? strangersPart(settings) : memberPart(username, csrfToken)}
      <h2>Use it with an app</h2>
      ${appsPart(settings)}
      <p class="links small quiet">
        A server of its own: people here follow each other, not people on other
        servers.${settings.contactEmail !== null && html` Questions: <a href="mailto:${settings.contactEmail}">${settings.contactEmail}</a>`}
      </p>`,
  )
}

function appsPart({ baseUrl, domain }: PageSettings): Html {
  if (!baseUrl.startsWith('http:')) {
    return html`<p>Any app for Mastodon works. When it asks for your server, enter:</p>
      <code class="code">${domain}</code>`
  }
  return html`<p>Apps for Mastodon that take a whole address work now. When one asks for your server, enter:</p>
    <code class="code">${baseUrl}</code>
    <p>Most apps insist on https: they work once whoever runs this server has put a proxy with TLS in front of it.</p>`
}

function strangersPart(settings: PageSettings): Html {
  const signUp = settings.registrations === 'approval' ? 'Ask for an account' : 'Create an account'
  return html`<div class="actions">
    <a class="button" href="/auth/sign_in">Sign in</a>
    ${settings.registrations !== 'closed' && html`<a class="button plain" href="/auth/sign_up">${signUp}</a>`}
  </div>`
}

function memberPart(username: string, csrfToken: string): Html {
  return html`<p>
      You are signed in as <strong>@<bdi>${username}</bdi></strong
      >.
    </p>
    <div class="actions">
      <a class="button plain" href="/auth/edit">Settings</a>
      <form method="post" action="/auth/sign_out">
        ${hiddenFields(csrfToken, { _method: 'delete' })}<button class="plain">Sign out</button>
      </form>
    </div>`
}
