/** What this server is and allows: the first thing that every client asks. */
import type { Hydration } from '../../hydration/contract.ts'
import { AppError } from '../../kit/errors.ts'
import { apiLevel } from '../../mastodon/api-level.ts'
import { dateTime } from '../../mastodon/dates.ts'
import type { InstanceSettings, InstanceState } from '../../mastodon/instance.ts'
import { presentInstance, presentInstanceV1, presentRules } from '../../mastodon/instance.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import type { ServerCounts } from '../server-counts.ts'

/** Longer texts of the operator: plain, with blank lines between paragraphs; links in them become links. */
export interface InstanceTexts {
  extendedDescription: string
  privacyPolicy: string
  /** When they were last changed, milliseconds since 1970. */
  updatedAtMs: number
}

export interface InstanceDeps {
  settings: InstanceSettings
  texts: InstanceTexts
  counts: () => Promise<ServerCounts>
  hydration: Pick<Hydration, 'accounts'>
  /** Whom people turn to: the owner, once there is one. */
  contact: () => Promise<AccountId | undefined>
  present: Presenting
}

export function instanceRoutes(edge: Edge, deps: InstanceDeps): void {
  const { settings, present } = deps
  const state = () => stateOf(edge, deps)
  open(edge, '/api/v2/instance', async () => presentInstance(settings, await state(), present.site))
  open(edge, '/api/v1/instance', async () => presentInstanceV1(settings, await state(), present.site))
  open(edge, '/api/v1/instance/rules', () => presentRules(settings.rules))
  open(edge, '/api/v1/instance/extended_description', () => document(deps, deps.texts.extendedDescription))
  open(edge, '/api/v1/instance/privacy_policy', () => document(deps, deps.texts.privacyPolicy))
  for (const path of ['/api/v1/instance/terms_of_service', '/api/v1/instance/terms_of_service/:date']) {
    open(edge, path, () => {
      throw new AppError('not_found', 'Record not found')
    })
  }
  open(edge, '/api/v1/instance/languages', () => languagesOf(settings))
  open(edge, '/api/v1/instance/translation_languages', () => ({}))
  // This server knows no others, and keeps no weekly figures.
  for (const name of ['peers', 'domain_blocks', 'activity']) open(edge, `/api/v1/instance/${name}`, () => [])
  open(edge, '/api/v1/peers/search', () => [])
  open(edge, '/api/v1/custom_emojis', () => [])
}

function open(edge: Edge, path: string, handler: () => unknown): void {
  edge.route({ method: 'GET', path, auth: 'public', cache: 'instance', handler })
}

function document(deps: InstanceDeps, content: string): { updated_at: string; content: string } {
  return { updated_at: dateTime(deps.texts.updatedAtMs), content: deps.present.site.texts.render(content, []) }
}

function languagesOf(settings: InstanceSettings): { code: string; name: string }[] {
  const names = new Intl.DisplayNames('en', { type: 'language' })
  return settings.languages.map((code) => ({ code, name: names.of(code) ?? code }))
}

async function stateOf(edge: Edge, deps: InstanceDeps): Promise<InstanceState> {
  const [counts, contactId] = await Promise.all([deps.counts(), deps.contact()])
  const [contact] = contactId === undefined ? [] : await deps.hydration.accounts([contactId])
  return { ...counts, contact, apiLevel: apiLevel(new Set(edge.routes.map(({ method, path }) => `${method} ${path}`))) }
}
