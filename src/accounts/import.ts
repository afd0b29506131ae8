/** People of an import: many at once, without passwords, some of another time. */
import type { Db } from '../engines/database/contract.ts'
import { AppError } from '../kit/errors.ts'
import { displayKey } from './account-table.ts'
import type { AccountRecord, ImportedPerson } from './contract.ts'
import { changedAccount, changedDefaults } from './profile.ts'
import { emailFault, Faults, normaliseEmail, usernameFault } from './sign-up-rules.ts'

/** Rows of one statement. */
const BATCH = 1_000

/**
 * Inserts all of them, or throws: `invalid` for what nobody could sign up with, `conflict` when a name or an address is
 * taken. No message tells of it: nobody can hold anything of people who did not exist.
 */
export async function insertPeople(tx: Db, people: readonly ImportedPerson[]): Promise<void> {
  const accepted = people.map(acceptable)
  for (let from = 0; from < accepted.length; from += BATCH) {
    const batch = accepted.slice(from, from + BATCH)
    const inserted = (await insertAccounts(tx, batch)) === batch.length && (await insertUsers(tx, batch))
    if (inserted !== batch.length) throw new AppError('conflict', 'A username or an e-mail address is taken already')
  }
}

/** By the rules of sign-up and profile. */
function acceptable(person: ImportedPerson): ImportedPerson {
  const faults = new Faults()
  const email = normaliseEmail(person.email)
  faults.add('username', usernameFault(person.username, false))
  faults.add('email', emailFault(email))
  faults.throwIfAny()
  const { displayName, note } = changedAccount(blankAccount(person), person)
  changedDefaults(NO_DEFAULTS, { defaultLanguage: person.defaultLanguage })
  return { ...person, email, displayName, note }
}

const NO_DEFAULTS = { defaultPrivacy: 'public', defaultSensitive: false, defaultLanguage: null } as const

function blankAccount({ id, username, createdAtMs }: ImportedPerson): AccountRecord {
  return {
    id,
    username,
    displayName: '',
    note: '',
    fields: [],
    avatar: null,
    header: null,
    locked: false,
    bot: false,
    discoverable: true,
    indexable: true,
    hideCollections: null,
    createdAtMs,
    suspended: false,
    silenced: false,
  }
}

function insertAccounts(tx: Db, people: readonly ImportedPerson[]): Promise<number> {
  return tx.run`
    insert into accounts (id, username, display_name, display_key, note, discoverable, indexable, created_at)
    select id, username, display_name, display_key, note, true, true, created_at
    from unnest(
      ${people.map(({ id }) => id)}::int8[],
      ${people.map(({ username }) => username)}::text[],
      ${people.map(({ displayName }) => displayName)}::text[],
      ${people.map(({ displayName }) => displayKey(displayName))}::text[],
      ${people.map(({ note }) => note)}::text[],
      ${people.map(({ createdAtMs }) => new Date(createdAtMs))}::timestamptz[]
    ) as person (id, username, display_name, display_key, note, created_at)
    on conflict do nothing`
}

function insertUsers(tx: Db, people: readonly ImportedPerson[]): Promise<number> {
  return tx.run`
    insert into users (account_id, email, role, locale, confirmed_at, approved, default_language, created_at,
      last_active_at)
    select account_id, email, 'user', locale, created_at, true, default_language, created_at, last_active_at
    from unnest(
      ${people.map(({ id }) => id)}::int8[],
      ${people.map(({ email }) => email)}::text[],
      ${people.map(({ locale }) => locale)}::text[],
      ${people.map(({ defaultLanguage }) => defaultLanguage)}::text[],
      ${people.map(({ createdAtMs }) => new Date(createdAtMs))}::timestamptz[],
      ${people.map(({ lastActiveMs }) => new Date(lastActiveMs))}::timestamptz[]
    ) as person (account_id, email, locale, default_language, created_at, last_active_at)
    on conflict do nothing`
}
