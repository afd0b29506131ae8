/** A person's own settings as far as they concern access: password, sessions, apps. */
import type { AuthorizedApp, SessionSummary } from '../../accounts/contract.ts'
import type { ErrorDetails } from '../../kit/errors.ts'
import { html } from './html.ts'
import type { Html } from './html.ts'
import { alertBox, faultOf, hiddenFields, noteBox, page, textField } from './layout.ts'
import type { PageSettings } from './page-settings.ts'
import { newPasswordFields } from './sign-up-page.ts'

export interface SettingsModel {
  settings: PageSettings
  csrfToken: string
  username: string
  email: string
  sessions: readonly SessionSummary[]
  currentSession: bigint
  apps: readonly AuthorizedApp[]
  note?: string | undefined
  alert?: string | undefined
  details?: ErrorDetails | undefined
}

export function settingsPage(model: SettingsModel): Html {
  const { settings, csrfToken, username, email, details } = model
  return page(
    { server: settings.title, title: 'Settings', wide: true },
    html`<h1>Settings of @<bdi>${username}</bdi></h1>
      ${noteBox(model.note)}${alertBox(model.alert)}
      <p class="quiet">E-mail address: <bdi>${email}</bdi>. Name, picture and posts are changed in your app.</p>
      <form method="post" action="/auth/sign_out">
        ${hiddenFields(csrfToken, { _method: 'delete' })}<button class="plain small-button">Sign out</button>
      </form>
      <h2>Password</h2>
      <p class="quiet small">A new password signs you out everywhere else, in apps too.</p>
      <form method="post" action="/auth">
        ${hiddenFields(csrfToken, { _method: 'put' })}
        ${textField({ name: 'user[current_password]', label: 'Present password', type: 'password', autocomplete: 'current-password', fault: faultOf(details, 'current_password') })}
        ${newPasswordFields(details, 'New password')}
        <button>Change the password</button>
      </form>
      <h2>Apps you let in</h2>
      ${
        model.apps.length === 0
          ? html`<p class="quiet">None.</p>`
          : html`<ul class="rows">
              ${model.apps.map((app) => appRow(app, csrfToken))}
            </ul>`
      }
      <h2>Browsers you are signed in with</h2>
      <ul class="rows">
        ${model.sessions.map((session) => sessionRow(session, session.id === model.currentSession, csrfToken))}
      </ul>`,
  )
}

function appRow(app: AuthorizedApp, csrfToken: string): Html {
  const used = app.lastUsedAtMs === null ? 'never used' : `last used ${dayOf(app.lastUsedAtMs)}`
  return html`<li>
    <div>
      <strong><bdi>${app.name}</bdi></strong
      ><br /><span class="small quiet">since ${dayOf(app.createdAtMs)}, ${used}; ${app.scopes.join(' ')}</span>
    </div>
    <form method="post" action="/oauth/authorized_applications/${app.appId}">
      ${hiddenFields(csrfToken, { _method: 'delete' })}<button class="danger small-button">Revoke</button>
    </form>
  </li>`
}

function sessionRow(session: SessionSummary, isCurrent: boolean, csrfToken: string): Html {
  const browser = session.userAgent === '' ? 'Unknown browser' : session.userAgent
  return html`<li>
    <div>
      <span class="small"><bdi>${browser}</bdi></span
      ><br /><span class="small quiet"
        >since ${dayOf(session.createdAtMs)}, last seen ${dayOf(session.lastSeenAtMs)}</span
      >
    </div>
    ${isCurrent ? html`<span class="small quiet">this one</span>` : html`<form method="post" action="/settings/sessions/${session.id}">${hiddenFields(csrfToken, { _method: 'delete' })}<button class="danger small-button">End</button></form>`}
  </li>`
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

export interface NewPasswordModel {
  settings: PageSettings
  csrfToken: string
  token: string
  alert?: string | undefined
  details?: ErrorDetails | undefined
}

/** Behind the link that an operator hands out. */
export function newPasswordPage({ settings, csrfToken, token, alert, details }: NewPasswordModel): Html {
  return page(
    { server: settings.title, title: 'New password' },
    html`<h1>Choose a new password</h1>
      ${alertBox(alert)}
      <form method="post" action="/auth/password">
        ${hiddenFields(csrfToken, { _method: 'put', 'user[reset_password_token]': token })}
        ${newPasswordFields(details, 'New password')}
        <button class="full">Change the password</button>
      </form>`,
  )
}
