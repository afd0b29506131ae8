/** Finding people by names that are nearly theirs, and by what they allow. */
import assert from 'node:assert/strict'
import test from 'node:test'

import { member, openAccountsWorld } from '../world/access.ts'

test('names that are nearly right are found, in any script, and nobody who is not a member', async () => {
  await using world = await openAccountsWorld()
  const make = async (username: string, displayName = '', approved = true): Promise<void> => {
    const { id } = await world.accounts.signUp(member(username, { password: null, approved }))
    await world.accounts.changeProfile(id, { displayName })
  }
  await make('wilhelmina')
  await make('wilhelm')
  await make('somebody', 'Екатерина Иванова')
  await make('wilhelmino', '', false)
  const found = async (name: string): Promise<string[]> =>
    (await world.accounts.searchBySimilarity(name, 10)).map(({ username }) => username)
  assert.deepEqual(await found('wilhelmnia'), ['wilhelm', 'wilhelmina'])
  assert.deepEqual(await found('ekaterina'), [])
  assert.deepEqual(await found('Екатирина'), ['somebody'])
  assert.deepEqual(await found('%_'), [])
  assert.deepEqual(await found(''), [])
})

test('who allows no search, and who wants to be found, is told', async () => {
  await using world = await openAccountsWorld()
  const make = async (username: string, change: { indexable?: boolean; discoverable?: boolean }) => {
    const { id } = await world.accounts.signUp(member(username, { password: null }))
    await world.accounts.changeProfile(id, change)
    return id
  }
  const open = await make('open', { indexable: true, discoverable: true })
  const shy = await make('shy', { indexable: false })
  const later = await make('later', { indexable: true, discoverable: true })
  assert.deepEqual(await world.accounts.idsWithoutConsent(), [shy])
  assert.deepEqual(await world.accounts.discoverableIds('new', 10, 0), [later, open])
  assert.deepEqual(await world.accounts.discoverableIds('active', 10, 1), [open])
  await world.accounts.setSuspended(open, true)
  assert.deepEqual(await world.accounts.discoverableIds('new', 10, 0), [later])
})
