/** What a person typed → the text as it is stored, and what it names. */
import type { Accounts } from '../accounts/contract.ts'
import { AppError } from '../kit/errors.ts'
import type { AccountId, MediaId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import { cleanText } from '../text/clean.ts'
import { isLongerThan } from '../text/count.ts'
import { hashtagNames, mentionedUsernames } from '../text/entities.ts'
import { tokenize, type Token } from '../text/tokens.ts'
import { STATUS_MEDIA_MAX, TEXT_UNITS_MAX } from './contract.ts'

interface ComposingRules {
  /** The part after the second `@` of a mention that means this server. */
  localDomain: string
  /** Characters of a text by Mastodon's counting, the content warning included. */
  charactersMax: number
}

export interface Composing {
  accounts: Pick<Accounts, 'byUsernames'>
  rules: ComposingRules
}

export interface ComposingBy extends Composing {
  graph: Pick<SocialGraph, 'relation'>
}

interface Written {
  text: string
  spoilerText: string
  hasMedia: boolean
}

export interface Composed {
  text: string
  spoilerText: string
  tokens: Token[]
  mentions: AccountId[]
  tags: string[]
}

/** As `compose`; as in Mastodon, nobody speaks to people whom they have blocked: such a name is just text. */
export async function composeBy(composing: ComposingBy, author: AccountId, written: Written): Promise<Composed> {
  const composed = await compose(composing, written)
  const mentions = composed.mentions.filter((id) => !composing.graph.relation(author, id).blocking)
  return { ...composed, mentions }
}

/** Throws `invalid` for a text that is too long, or missing where there are no pictures either. */
export async function compose({ accounts, rules }: Composing, written: Written): Promise<Composed> {
  if (written.text.length + written.spoilerText.length > TEXT_UNITS_MAX) throw tooLong(rules)
  let text = cleanText(written.text)
  let spoilerText = cleanText(written.spoilerText)
  // As Mastodon: a warning without anything behind it is the text.
  if (text === '') [text, spoilerText] = [spoilerText, '']
  if (text === '' && !written.hasMedia) throw new AppError('invalid', "Validation failed: Text can't be blank")
  const tokens = tokenize(text)
  if (isLongerThan(rules.charactersMax, tokens, spoilerText)) throw tooLong(rules)
  const mentions = await mentionedAccounts(accounts, mentionedUsernames(tokens, rules.localDomain))
  return { text, spoilerText, tokens, mentions, tags: hashtagNames(tokens) }
}

/** In order of appearance. A name that nobody has, or somebody suspended, is just text. */
async function mentionedAccounts(accounts: Composing['accounts'], usernames: string[]): Promise<AccountId[]> {
  if (usernames.length === 0) return []
  const found = await accounts.byUsernames(usernames)
  const ids = new Map(found.filter((one) => !one.suspended).map((one) => [one.username.toLowerCase(), one.id]))
  return usernames.flatMap((name) => ids.get(name) ?? [])
}

function tooLong({ charactersMax }: ComposingRules): AppError {
  return new AppError('invalid', `Validation failed: Text character limit of ${charactersMax} exceeded`)
}

/** Each once, in order. Throws `invalid` above STATUS_MEDIA_MAX. */
export function chosenMedia(ids: readonly MediaId[]): MediaId[] {
  const chosen = [...new Set(ids)]
  if (chosen.length > STATUS_MEDIA_MAX) {
    throw new AppError('invalid', `Cannot attach more than ${STATUS_MEDIA_MAX} files`)
  }
  return chosen
}
