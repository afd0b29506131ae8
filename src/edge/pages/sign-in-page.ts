import { html } from './html.ts'
import type { Html } from './html.ts'
import { alertBox, hiddenFields, noteBox, page, textField } from './layout.ts'
import type { PageSettings } from './page-settings.ts'

export interface SignInModel {
  settings: PageSettings
  csrfToken: string
  email: string
  /** Why the last try failed. */
  alert?: string | undefined
  note?: string | undefined
}

export function signInPage({ settings, csrfToken, email, alert, note }: SignInModel): Html {
  return page(
    { server: settings.title, title: 'Sign in' },
    html`<h1>Sign in</h1>
      ${noteBox(note)}${alertBox(alert)}
      <form method="post" action="/auth/sign_in">
        ${hiddenFields(csrfToken)}
        ${textField({ name: 'user[email]', label: 'E-mail address', value: email, autocomplete: 'username', isEmail: true, autofocus: email === '' })}
        ${textField({ name: 'user[password]', label: 'Password', type: 'password', autocomplete: 'current-password', autofocus: email !== '' })}
        <button class="full">Sign in</button>
      </form>
      <p class="links small">
        ${settings.registrations !== 'closed' && html`<a href="/auth/sign_up">Create an account</a> · `}<a
          href="/auth/password/new"
          >I forgot my password</a
        >
      </p>`,
  )
}

/** GET has no effect, so that a picture or a link elsewhere cannot sign anybody out. */
export function signOutPage(settings: PageSettings, csrfToken: string): Html {
  return page(
    { server: settings.title, title: 'Sign out' },
    html`<h1>Sign out?</h1>
      <p>You will have to enter your password here again. Apps you are signed in with stay signed in.</p>
      <form method="post" action="/auth/sign_out">
        ${hiddenFields(csrfToken, { _method: 'delete' })}
        <button class="full">Sign out</button>
      </form>`,
  )
}
