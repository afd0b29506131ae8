/** What an app may register as; the texts are Mastodon's. */
import { AppError } from '../kit/errors.ts'
import type { AppRegistration } from './contract.ts'
import { REDIRECT_URIS_MAX, redirectUriFault } from './redirect-uris.ts'
import { unknownScopes } from './scopes.ts'

const APP_NAME_MAX_CHARACTERS = 60
const APP_WEBSITE_MAX_CHARACTERS = 2_000

export function checkApp({ name, website, redirectUris, scopes }: AppRegistration): void {
  const faults = [
    ...nameFaults(name).map((text) => `Application name ${text}`),
    ...websiteFaults(website).map((text) => `Application website ${text}`),
    ...redirectFaults(redirectUris).map((text) => `Redirect URI ${text}`),
    ...(unknownScopes(scopes).length > 0 ? ["Scopes doesn't match configured on the server."] : []),
  ]
  if (faults.length > 0) throw new AppError('invalid', `Validation failed: ${faults.join(', ')}`)
}

function nameFaults(name: string): string[] {
  if (name.trim() === '') return ["can't be blank"]
  if ([...name].length > APP_NAME_MAX_CHARACTERS)
    return [`is too long (maximum is ${APP_NAME_MAX_CHARACTERS} characters)`]
  return /\p{Cc}/u.test(name) ? ['is invalid'] : []
}

/** It becomes the target of a link on every post of the app. */
function websiteFaults(website: string | null): string[] {
  if (website === null) return []
  if (website.length > APP_WEBSITE_MAX_CHARACTERS) {
    return [`is too long (maximum is ${APP_WEBSITE_MAX_CHARACTERS} characters)`]
  }
  return /^https?:\/\/[^\s/]/i.test(website) && URL.canParse(website) ? [] : ['must be a valid URL']
}

function redirectFaults(uris: readonly string[]): string[] {
  if (uris.length === 0) return ["can't be blank"]
  if (uris.length > REDIRECT_URIS_MAX) return [`has too many entries (maximum is ${REDIRECT_URIS_MAX})`]
  return uris.map(redirectUriFault).filter((fault) => fault !== undefined)
}
