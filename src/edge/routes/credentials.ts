/** The person's own account as their apps see and change it. */
import type { AccountPicture, Accounts, ProfileChange } from '../../accounts/contract.ts'
import type { AccountView, Hydration } from '../../hydration/contract.ts'
import { AppError, notFound } from '../../kit/errors.ts'
import { presentProfile } from '../../mastodon/account.ts'
import type { CredentialAccount } from '../../mastodon/account.ts'
import { presentPreferences } from '../../mastodon/preferences.ts'
import type { Media, MediaSize } from '../../media/contract.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { SocialGraph } from '../../social-graph/contract.ts'
import type { Params } from '../params.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'

export interface CredentialDeps {
  accounts: Accounts
  hydration: Pick<Hydration, 'accounts' | 'forgetAccount'>
  graph: Pick<SocialGraph, 'listRequests'>
  media: Pick<Media, 'removePicture' | 'uploadPicture'>
  present: Presenting
}

/** Bytes and pixels, as Mastodon's. */
const PICTURE_BYTES_MAX = 8 * 1024 * 1024
const PICTURE_BOXES: Record<PictureName, MediaSize> = {
  avatar: { width: 400, height: 400 },
  header: { width: 1500, height: 500 },
}
/** More than are allowed, so that the store says what the limit is. */
const FIELDS_READ_MAX = 20
/** Follow requests counted exactly; clients show a badge. */
const REQUESTS_COUNTED_MAX = 100

type PictureName = 'avatar' | 'header'
const PICTURE_NAMES: readonly PictureName[] = ['avatar', 'header']

export function registerCredentialRoutes(edge: Edge, deps: CredentialDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/accounts/verify_credentials',
    auth: 'user',
    scopes: ['read:accounts', 'profile'],
    handler: (call) => credentials(call.viewer, deps),
  })
  edge.route({
    method: 'PATCH',
    path: '/api/v1/accounts/update_credentials',
    auth: 'user',
    scopes: ['write:accounts'],
    uploads: true,
    handler: async (call) => {
      await changeAsAsked(call.viewer, call.params, deps)
      return await credentials(call.viewer, deps)
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/preferences',
    auth: 'user',
    scopes: ['read:accounts'],
    handler: async (call) => {
      const user = await deps.accounts.user(call.viewer)
      if (user === undefined) throw notFound()
      return presentPreferences(user)
    },
  })
  registerProfileRoutes(edge, deps)
}

function registerProfileRoutes(edge: Edge, deps: CredentialDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/profile',
    auth: 'user',
    scopes: ['read:accounts', 'profile'],
    handler: async (call) => presentProfile(await ownView(call.viewer, deps), deps.present.site),
  })
  edge.route({
    method: ['PATCH', 'PUT'],
    path: '/api/v1/profile',
    auth: 'user',
    scopes: ['write:accounts'],
    uploads: true,
    handler: async (call) => {
      await changeAsAsked(call.viewer, call.params, deps)
      return presentProfile(await ownView(call.viewer, deps), deps.present.site)
    },
  })
  for (const picture of PICTURE_NAMES) {
    edge.route({
      method: 'DELETE',
      path: `/api/v1/profile/${picture}`,
      auth: 'user',
      scopes: ['write:accounts'],
      handler: async (call) => {
        await change(call.viewer, { [picture]: null }, deps)
        return await credentials(call.viewer, deps)
      },
    })
  }
}

async function credentials(id: AccountId, deps: CredentialDeps): Promise<CredentialAccount> {
  const [view, user, requests] = await Promise.all([
    ownView(id, deps),
    deps.accounts.user(id),
    deps.graph.listRequests(id, { limit: REQUESTS_COUNTED_MAX }),
  ])
  if (user === undefined) throw notFound()
  return deps.present.credentialAccount(view, { ...user, followRequests: requests.length })
}

async function ownView(id: AccountId, { hydration }: CredentialDeps): Promise<AccountView> {
  const [view] = await hydration.accounts([id])
  if (view === undefined) throw notFound()
  return view
}

/** What was stored for a change that was refused is not left behind. */
async function changeAsAsked(id: AccountId, params: Params, deps: CredentialDeps): Promise<void> {
  const stored: AccountPicture[] = []
  try {
    await change(id, await readChange(params, deps, stored), deps)
  } catch (error) {
    // After other failures it may be in the profile all the same: the connection may break behind the commit.
    if (error instanceof AppError && error.code === 'invalid') await removeAll(stored, deps)
    throw error
  }
}

/** Pictures that the profile no longer shows are deleted: they may be the reason for the change. */
async function change(id: AccountId, wanted: ProfileChange, deps: CredentialDeps): Promise<void> {
  const { accounts, hydration } = deps
  const [before] = await accounts.byIds([id])
  const after = await accounts.changeProfile(id, wanted)
  hydration.forgetAccount(id)
  const replaced = PICTURE_NAMES.flatMap((name) =>
    before?.[name] && before[name].key !== after[name]?.key ? [before[name]] : [],
  )
  await removeAll(replaced, deps)
}

async function removeAll(pictures: readonly AccountPicture[], { media }: CredentialDeps): Promise<void> {
  for (const picture of pictures) await media.removePicture(picture)
}

/** Pictures that it stores are put into `stored`, too. */
async function readChange(params: Params, deps: CredentialDeps, stored: AccountPicture[]): Promise<ProfileChange> {
  const wanted = { ...readTexts(params), ...readFlags(params), ...readDefaults(params.nested('source')) }
  for (const name of PICTURE_NAMES) {
    const picture = await readPicture(name, params, deps)
    if (picture === undefined) continue
    wanted[name] = picture
    if ('key' in picture) stored.push(picture)
  }
  return wanted
}

function readTexts(params: Params): ProfileChange {
  const texts: ProfileChange = {}
  const displayName = params.text('display_name', { max: 1_000 })
  const note = params.text('note', { max: 10_000 })
  const fields = params.nestedList('fields_attributes', FIELDS_READ_MAX)
  if (displayName !== undefined) texts.displayName = displayName
  if (note !== undefined) texts.note = note
  if (fields !== undefined) {
    texts.fields = fields.map((field) => ({
      name: field.text('name', { max: 2_000 }) ?? '',
      value: field.text('value', { max: 2_000 }) ?? '',
    }))
  }
  return texts
}

function readFlags(params: Params): ProfileChange {
  const flags: ProfileChange = {}
  const [locked, bot, indexable] = [params.bool('locked'), params.bool('bot'), params.bool('indexable')]
  const [discoverable, hideCollections] = [params.bool('discoverable'), params.bool('hide_collections')]
  if (locked !== undefined) flags.locked = locked
  if (bot !== undefined) flags.bot = bot
  if (indexable !== undefined) flags.indexable = indexable
  if (discoverable !== undefined) flags.discoverable = discoverable
  if (hideCollections !== undefined) flags.hideCollections = hideCollections
  return flags
}

function readDefaults(source: Params): ProfileChange {
  const defaults: ProfileChange = {}
  const privacy = source.choice('privacy', ['public', 'unlisted', 'private'])
  const sensitive = source.bool('sensitive')
  const language = source.text('language', { max: 35 })
  if (privacy !== undefined) defaults.defaultPrivacy = privacy
  if (sensitive !== undefined) defaults.defaultSensitive = sensitive
  if (language !== undefined) defaults.defaultLanguage = language === '' ? null : language
  return defaults
}

/** A new picture, or a new description of the one that is there. */
async function readPicture(
  name: PictureName,
  params: Params,
  { media }: CredentialDeps,
): Promise<AccountPicture | { description: string } | undefined> {
  const file = params.file(name)
  const description = params.text(`${name}_description`, { max: 10_000 })
  if (file === undefined || file.bytes.length === 0) return description === undefined ? undefined : { description }
  if (file.bytes.length > PICTURE_BYTES_MAX) throw tooLarge(name)
  return { ...(await media.uploadPicture(file, PICTURE_BOXES[name])), description: description ?? '' }
}

function tooLarge(name: PictureName): AppError {
  const label = name === 'avatar' ? 'Avatar' : 'Header'
  const description = 'must be less than 8 MB'
  return new AppError('invalid', `Validation failed: ${label} ${description}`, {
    details: { [name]: [{ error: 'ERR_TOO_LONG', description }] },
  })
}
