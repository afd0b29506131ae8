/** "May this app use your account?" The app's name is only text; what counts is where the answer goes, so that is shown. */
import { OOB_REDIRECT } from '../../accounts/contract.ts'
import { html } from './html.ts'
import type { Html } from './html.ts'
import { hiddenFields, page } from './layout.ts'
import type { PageSettings } from './page-settings.ts'
import { scopeLines } from './scope-words.ts'

export interface ConsentModel {
  settings: PageSettings
  csrfToken: string
  app: { name: string; website: string | null }
  username: string
  redirectUri: string
  scopes: readonly string[]
  /** The request as it came, sent back with either answer. */
  request: Record<string, string>
}

export function consentPage(model: ConsentModel): Html {
  const { settings, csrfToken, app, username, scopes, request } = model
  const lines = scopeLines(scopes)
  return page(
    { server: settings.title, title: 'Let an app in' },
    html`<h1>Let <bdi>${app.name}</bdi> use your account?</h1>
      <p>
        You are signed in as <strong>@<bdi>${username}</bdi></strong
        >. The app will be able to:
      </p>
      <ul>
        ${lines.map(({ text }) => html`<li>${text}</li>`)}
      </ul>
      ${lines.some(({ isGrave }) => isGrave) && html`<div class="alert"><p>This includes the power to moderate the server. Only go on if you know the app well.</p></div>`}
      <div class="note"><p>${destination(model.redirectUri)}</p></div>
      <div class="actions">
        <form method="post" action="/oauth/authorize">
          ${hiddenFields(csrfToken, request)}<button>Authorize</button>
        </form>
        <form method="post" action="/oauth/authorize">
          ${hiddenFields(csrfToken, { _method: 'delete', ...request })}<button class="plain">Deny</button>
        </form>
      </div>
      <p class="links small quiet">
        Not you? <a href="/auth/sign_out">Sign out</a>. You can take the permission back at any time in
        <a href="/auth/edit">your settings</a>.
      </p>`,
  )
}

/** Where the browser goes next, by its real host: an app can call itself anything. */
function destination(redirectUri: string): Html {
  if (redirectUri === OOB_REDIRECT) return html`You will get a code to copy into the app.`
  if (/^https?:/i.test(redirectUri)) {
    const { host } = new URL(redirectUri)
    return html`Afterwards you are sent to <strong><bdi>${host}</bdi></strong
      >. Go on only if that is where you came from.`
  }
  const [address = ''] = redirectUri.split('?', 1)
  return html`Afterwards an app on this device is opened, by the address <strong><bdi>${address}</bdi></strong>`
}

/**
 * The source for `form-action`: browsers apply the policy to the redirect after the form as well, so the app's address
 * has to be allowed there. Undefined for the page with the code, which is our own.
 */
export function redirectSource(redirectUri: string): string | undefined {
  if (redirectUri === OOB_REDIRECT) return undefined
  if (/^https?:/i.test(redirectUri)) return new URL(redirectUri).origin
  return /^[a-z][a-z0-9+.-]*:/i.exec(redirectUri)?.[0]
}
