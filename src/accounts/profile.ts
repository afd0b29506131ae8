/** The rules of a profile: limits, what is cleaned, and how a change is laid over what is there. */
import type { AccountField, AccountPicture, AccountRecord, ProfileChange, UserRecord } from './contract.ts'
import { BLANK, Faults, INVALID, tooLong } from './sign-up-rules.ts'

const DISPLAY_NAME_MAX_CHARACTERS = 40
const NOTE_MAX_CHARACTERS = 500
const FIELDS_MAX = 4
const FIELD_MAX_CHARACTERS = 255
const PICTURE_DESCRIPTION_MAX_CHARACTERS = 150

/** Controls, and the marks that turn the direction of the text after them: in a name they reach beyond the name. */
const UNFIT_FOR_NAMES = /[\p{Cc}\u202A-\u202E\u2066-\u2069]/gu
/** Controls but for line ends and tabs. */
const UNFIT_FOR_TEXT = /[^\P{Cc}\n\t]/gu

const LANGUAGE = /^[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}$/i

/** The account as it shall be. Throws `invalid` with details by field. */
export function changedAccount(account: AccountRecord, change: ProfileChange): AccountRecord {
  const changed: AccountRecord = {
    ...account,
    displayName: change.displayName === undefined ? account.displayName : cleanName(change.displayName),
    note: change.note === undefined ? account.note : cleanText(change.note),
    fields: change.fields === undefined ? account.fields : changedFields(account.fields, change.fields),
    avatar: changedPicture(account.avatar, change.avatar),
    header: changedPicture(account.header, change.header),
    locked: change.locked ?? account.locked,
    bot: change.bot ?? account.bot,
    discoverable: change.discoverable === undefined ? account.discoverable : change.discoverable,
    indexable: change.indexable ?? account.indexable,
    hideCollections: change.hideCollections === undefined ? account.hideCollections : change.hideCollections,
  }
  const faults = new Faults()
  if (characters(changed.displayName) > DISPLAY_NAME_MAX_CHARACTERS) {
    faults.add('display_name', tooLong(DISPLAY_NAME_MAX_CHARACTERS))
  }
  if (characters(changed.note) > NOTE_MAX_CHARACTERS) faults.add('note', tooLong(NOTE_MAX_CHARACTERS))
  checkFields(changed.fields, faults)
  for (const which of ['avatar', 'header'] as const) {
    if (characters(changed[which]?.description ?? '') > PICTURE_DESCRIPTION_MAX_CHARACTERS) {
      faults.add(`${which}_description`, tooLong(PICTURE_DESCRIPTION_MAX_CHARACTERS))
    }
  }
  faults.throwIfAny()
  return changed
}

export type PostingDefaults = Pick<UserRecord, 'defaultPrivacy' | 'defaultSensitive' | 'defaultLanguage'>

/** The posting defaults as they shall be; undefined when nothing of them is to change. Throws `invalid`. */
export function changedDefaults(user: PostingDefaults, change: ProfileChange): PostingDefaults | undefined {
  const { defaultPrivacy, defaultSensitive, defaultLanguage } = change
  if (defaultPrivacy === undefined && defaultSensitive === undefined && defaultLanguage === undefined) return undefined
  const faults = new Faults()
  if (defaultLanguage !== undefined && defaultLanguage !== null && !LANGUAGE.test(defaultLanguage)) {
    faults.add('default_language', INVALID)
  }
  faults.throwIfAny()
  return {
    defaultPrivacy: defaultPrivacy ?? user.defaultPrivacy,
    defaultSensitive: defaultSensitive ?? user.defaultSensitive,
    defaultLanguage: defaultLanguage === undefined ? user.defaultLanguage : defaultLanguage,
  }
}

function changedPicture(before: AccountPicture | null, wanted: ProfileChange['avatar']): AccountPicture | null {
  if (wanted === undefined) return before
  if (wanted === null || 'key' in wanted) return wanted
  return before === null ? null : { ...before, ...wanted }
}

/** Empty rows go; a link stays verified while both its name and its value stay. */
function changedFields(before: readonly AccountField[], wanted: readonly { name: string; value: string }[]) {
  return wanted
    .map(({ name, value }) => ({ name: cleanName(name), value: cleanName(value) }))
    .filter(({ name, value }) => name !== '' || value !== '')
    .map(({ name, value }): AccountField => {
      const same = before.find((field) => field.name === name && field.value === value)
      return { name, value, verifiedAtMs: same?.verifiedAtMs ?? null }
    })
}

function checkFields(fields: readonly AccountField[], faults: Faults): void {
  if (fields.length > FIELDS_MAX) {
    faults.add('fields', { error: 'ERR_TOO_LONG', description: `are too many (maximum is ${FIELDS_MAX})` })
  }
  if (fields.some(({ name }) => name === '')) faults.add('fields', { ...BLANK, description: 'need a name each' })
  if (fields.some(({ name, value }) => Math.max(characters(name), characters(value)) > FIELD_MAX_CHARACTERS)) {
    faults.add('fields', tooLong(FIELD_MAX_CHARACTERS))
  }
}

function cleanName(text: string): string {
  return text.replaceAll(UNFIT_FOR_NAMES, '').trim()
}

function cleanText(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(UNFIT_FOR_TEXT, '').trim()
}

function characters(text: string): number {
  return [...text].length
}
