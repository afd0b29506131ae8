/** Forms that make an account: for everyone, and for the owner of a fresh server. Field names are Mastodon's. */
import {
  PASSWORD_MAX_CHARACTERS,
  PASSWORD_MIN_CHARACTERS,
  REASON_MAX_CHARACTERS,
  USERNAME_MAX_CHARACTERS,
} from '../../accounts/contract.ts'
import type { ErrorDetails } from '../../kit/errors.ts'
import { html } from './html.ts'
import type { Html } from './html.ts'
import { alertBox, faultOf, hiddenFields, longTextField, page, textField } from './layout.ts'
import type { PageSettings } from './page-settings.ts'

/** What was typed, the passwords left out. */
interface SignUpInput {
  username: string
  email: string
  reason: string
  indexable: boolean
}

export interface SignUpModel {
  settings: PageSettings
  csrfToken: string
  input: SignUpInput
  /** True: the e-mail address has to be confirmed before the account works. */
  confirmsByMail: boolean
  details?: ErrorDetails | undefined
  alert?: string | undefined
}

export function signUpPage(model: SignUpModel): Html {
  const { settings, csrfToken, input, details, alert } = model
  const isApproved = settings.registrations === 'approval'
  return page(
    { server: settings.title, title: 'Create an account' },
    html`<h1>Create an account on <bdi>${settings.title}</bdi></h1>
      ${isApproved && html`<p>The people who run this server look at every request before the account can be used.</p>`}
      ${alertBox(alert)}
      <form method="post" action="/auth">
        ${hiddenFields(csrfToken)} ${credentialFields(model)} ${isApproved && reasonField(input.reason, details)}
        ${searchabilityField(input.indexable)} ${agreementField(settings, faultOf(details, 'agreement'))}
        <button class="full">${isApproved ? 'Ask for an account' : 'Create the account'}</button>
      </form>
      <p class="links small">You have an account? <a href="/auth/sign_in">Sign in</a></p>`,
  )
}

export interface SetupModel extends SignUpModel {
  token: string
}

export function setupPage(model: SetupModel): Html {
  return page(
    { server: model.settings.title, title: 'Set up' },
    html`<h1>Set up your server</h1>
      <p>This account will be the owner: it can do everything on the server. The link you came by works once.</p>
      ${alertBox(model.alert)}
      <form method="post" action="/setup">
        ${hiddenFields(model.csrfToken, { token: model.token })} ${credentialFields(model)}
        <button class="full">Create the owner's account</button>
      </form>`,
  )
}

function credentialFields({ settings, input, details, confirmsByMail }: SignUpModel): Html {
  const mailHint = confirmsByMail
    ? 'You will get a message with a link to confirm it.'
    : 'For signing in. This server sends no e-mail, so it is not checked by a message.'
  return html`${textField({
    name: 'user[account_attributes][username]',
    label: 'Username',
    value: input.username,
    autocomplete: 'username',
    suffix: `@${settings.domain}`,
    max: USERNAME_MAX_CHARACTERS,
    hint: 'Letters a–z, digits and underscores; it cannot be changed later.',
    fault: faultOf(details, 'username'),
    autofocus: input.username === '',
  })}
  ${textField({ name: 'user[email]', label: 'E-mail address', value: input.email, autocomplete: 'email', isEmail: true, hint: mailHint, fault: faultOf(details, 'email') })}
  ${newPasswordFields(details)}`
}

export function newPasswordFields(details: ErrorDetails | undefined, label = 'Password'): Html {
  return html`${textField({
    name: 'user[password]',
    label,
    type: 'password',
    autocomplete: 'new-password',
    // Browsers count UTF-16 units, of which a character may have two.
    max: 2 * PASSWORD_MAX_CHARACTERS,
    hint: `At least ${PASSWORD_MIN_CHARACTERS} characters; a few random words make a good one.`,
    fault: faultOf(details, 'password'),
  })}
  ${textField({ name: 'user[password_confirmation]', label: `${label} again`, type: 'password', autocomplete: 'new-password', max: 2 * PASSWORD_MAX_CHARACTERS, fault: faultOf(details, 'password_confirmation') })}`
}

function reasonField(reason: string, details: ErrorDetails | undefined): Html {
  return longTextField({
    name: 'user[invite_request_attributes][text]',
    label: 'Why do you want to join?',
    value: reason,
    autocomplete: 'off',
    max: REASON_MAX_CHARACTERS,
    hint: 'Read only by the people who run the server.',
    fault: faultOf(details, 'reason'),
  })
}

/** Asked of everyone, because being found is a matter of consent. */
function searchabilityField(indexable: boolean): Html {
  const choice = (value: 'true' | 'false', text: string, checked: boolean): Html =>
    html`<label class="choice"
      ><input type="radio" name="user[account_attributes][indexable]" value="${value}" ${checked && html` checked`} />
      <span>${text}</span></label
    >`
  return html`<fieldset>
    <legend>Who may find your public posts by searching?</legend>
    ${choice('true', 'Everyone on this server', indexable)}
    ${choice('false', 'Only you, and people you mention', !indexable)}
    <span class="hint">You can change this at any time. Posts that are not public are never found by others.</span>
  </fieldset>`
}

function agreementField(settings: PageSettings, fault: string | undefined): Html {
  const text = settings.rules.length > 0 ? 'I have read these rules and agree to them' : 'I agree to behave decently'
  return html`${
      settings.rules.length > 0 &&
      html`<h2>Rules</h2>
        <ol>
          ${settings.rules.map((rule) => html`<li>${rule}</li>`)}
        </ol>`
    }
    <div class="field">
      <label class="choice"
        ><input
          type="checkbox"
          name="user[agreement]"
          value="1"
          required${fault !== undefined && html` aria-invalid="true" aria-describedby="user_agreement_fault"`}
        />
        <span>${text}</span></label
      >
      ${fault !== undefined && html`<span class="fault" id="user_agreement_fault">${fault}</span>`}
    </div>`
}
