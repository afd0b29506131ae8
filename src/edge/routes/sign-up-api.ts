/** Accounts made by apps, and the confirmation that apps may ask for again. */
import type { OAuth } from '../../accounts/contract.ts'
import { AppError } from '../../kit/errors.ts'
import { presentToken } from '../../mastodon/oauth.ts'
import type { Call } from '../call.ts'
import type { Edge } from '../routing.ts'
import { register } from './sign-up-request.ts'
import type { RegistrationDeps } from './sign-up-request.ts'

export interface SignUpApiDeps extends RegistrationDeps {
  oauth: OAuth
}

export function registerSignUpApi(edge: Edge, deps: SignUpApiDeps): void {
  const { accounts, oauth, settings, sendConfirmation } = deps
  edge.route({
    method: 'POST',
    path: '/api/v1/accounts',
    auth: 'client',
    scopes: ['write:accounts'],
    limits: ['sign_up_api'],
    handler: async (call) => {
      if (settings.registrations === 'closed') throw new AppError('forbidden', 'This action is not allowed')
      const app = call.identity && (await oauth.appById(call.identity.appId))
      if (app === undefined) throw new AppError('unauthenticated', 'The access token is invalid')
      const account = await register(deps, readRequest(call))
      return presentToken(await oauth.issueToken(app, account.id, app.scopes))
    },
  })
  edge.route({
    method: 'POST',
    path: '/api/v1/emails/confirmations',
    auth: 'user',
    scopes: ['write:accounts'],
    anyStanding: true,
    handler: async (call) => {
      const user = await accounts.user(call.viewer)
      if (user === undefined || user.confirmed || sendConfirmation === undefined) {
        throw new AppError('forbidden', 'This method is only available while the e-mail is awaiting confirmation')
      }
      call.throttle('confirmation_email', user.email)
      await sendConfirmation({ account: user.accountId, email: user.email })
      return {}
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/emails/check_confirmation',
    auth: 'user',
    scopes: ['read:accounts'],
    anyStanding: true,
    handler: async (call) => JSON.stringify((await accounts.user(call.viewer))?.confirmed === true),
  })
}

function readRequest({ params }: Call) {
  return {
    username: params.text('username', { max: 200 }) ?? '',
    email: params.text('email', { max: 400 }) ?? '',
    password: params.text('password', { max: 1_000 }) ?? '',
    passwordConfirmation: undefined,
    agreement: params.bool('agreement') === true,
    locale: params.text('locale') ?? 'en',
    reason: params.text('reason', { max: 5_000 }) ?? '',
    indexable: undefined,
  }
}
