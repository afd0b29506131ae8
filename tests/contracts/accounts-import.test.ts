/** People of an import: whole, by the rules of everybody, and with nobody's password. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { ImportedPerson } from '../../src/accounts/contract.ts'
import { AppError, type ErrorCode } from '../../src/kit/errors.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { GOOD_PASSWORD, member, openAccountsWorld } from '../world/access.ts'

const JOINED_MS = Date.UTC(2020, 1, 29, 12, 0, 0, 7)

function person(n: number, change: Partial<ImportedPerson> = {}): ImportedPerson {
  return {
    id: BigInt(n) as AccountId,
    username: `person_${n}`,
    email: `person_${n}@seed.invalid`,
    displayName: `Person Émile ${n}`,
    note: 'Writes about "tides", and {more}\nthan that',
    locale: 'fr',
    defaultLanguage: 'fr',
    createdAtMs: JOINED_MS,
    lastActiveMs: JOINED_MS + 60_000,
    ...change,
  }
}

const isRefused = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code

test('imported people are there as they were, confirmed and approved', async () => {
  await using world = await openAccountsWorld()
  const many = Array.from({ length: 2_345 }, (_, n) => person(n + 1))
  await world.accounts.importPeople(many)
  assert.equal((await world.accounts.allIds()).length, many.length)
  const account = await world.accounts.byUsername('PERSON_2345')
  assert.equal(account?.id, 2_345n)
  assert.equal(account.displayName, 'Person Émile 2345')
  assert.equal(account.note, person(2_345).note)
  assert.equal(account.createdAtMs, JOINED_MS)
  const user = await world.accounts.user(account.id)
  assert.deepEqual(
    [user?.confirmed, user?.approved, user?.role, user?.locale, user?.defaultLanguage, user?.lastActiveMs],
    [true, true, 'user', 'fr', 'fr', JOINED_MS + 60_000],
  )
  const found = await world.accounts.searchByPrefix('person émile 17', 5, 0)
  assert.ok(found.length > 0 && found.every(({ displayName }) => displayName.startsWith('Person Émile 17')))
  assert.deepEqual(await world.relay(), [], 'nobody has to hear of people who did not exist')
})

test('nobody can sign in until a password is set', async () => {
  await using world = await openAccountsWorld()
  await world.accounts.importPeople([person(1)])
  assert.equal(await world.accounts.verifyPassword('person_1@seed.invalid', ''), undefined)
  await world.accounts.resetPassword(person(1).id, GOOD_PASSWORD)
  const user = await world.accounts.verifyPassword('person_1@seed.invalid', GOOD_PASSWORD)
  assert.equal(user?.accountId, 1n)
})

test('a name or an address that is taken keeps all of them out', async () => {
  await using world = await openAccountsWorld()
  await world.accounts.signUp(member('Person_3'))
  await world.accounts.signUp(member('zoe', { email: 'person_4@seed.invalid' }))
  const rest = Array.from({ length: 1_500 }, (_, n) => person(n + 10))
  for (const taken of [person(3), person(4), person(10, { id: 9_999n as AccountId })]) {
    await assert.rejects(world.accounts.importPeople([...rest, taken]), isRefused('conflict'))
  }
  assert.equal((await world.accounts.allIds()).length, 2)
})

test('nobody comes in by import who could not sign up', async () => {
  await using world = await openAccountsWorld()
  const faults: Partial<ImportedPerson>[] = [
    { username: 'has space' },
    { username: 'admin' },
    { email: 'no address' },
    { displayName: 'x'.repeat(41) },
    { note: 'x'.repeat(501) },
    { defaultLanguage: 'not a language' },
  ]
  for (const fault of faults) {
    await assert.rejects(world.accounts.importPeople([person(1), person(2, fault)]), isRefused('invalid'))
  }
  assert.deepEqual(await world.accounts.allIds(), [])
})
