/** The domain in account names does not change by accident. */
import assert from 'node:assert/strict'
import test from 'node:test'

import { keepLocalDomain } from '../../src/accounts/local-domain.ts'
import { migrations } from '../../src/accounts/migrations.ts'
import type { Db } from '../../src/engines/database/contract.ts'
import { AppError } from '../../src/kit/errors.ts'
import { openTestDatabase } from '../world/database.ts'

async function addAccount(db: Db): Promise<void> {
  await db.run`insert into accounts (id, username, created_at) values (1, 'alice', now())`
}

const refusal = (error: unknown) => {
  assert.ok(error instanceof AppError)
  assert.equal(error.code, 'conflict')
  assert.match(error.message, /are at one\.example, but LOCAL_DOMAIN is two\.example now.+LOCAL_DOMAIN_CHANGE=true/)
  return true
}

test('another domain is refused once there are accounts, and the first one still works', async () => {
  await using db = await openTestDatabase(migrations)
  await keepLocalDomain(db, 'one.example', false)
  await addAccount(db)
  await assert.rejects(keepLocalDomain(db, 'two.example', false), refusal)
  await keepLocalDomain(db, 'one.example', false)
})

test('without accounts nothing hangs on the domain yet', async () => {
  await using db = await openTestDatabase(migrations)
  await keepLocalDomain(db, 'zero.example', false)
  await keepLocalDomain(db, 'one.example', false)
  await addAccount(db)
  await assert.rejects(keepLocalDomain(db, 'two.example', false), refusal)
})

test('who insists moves the accounts, for good', async () => {
  await using db = await openTestDatabase(migrations)
  await keepLocalDomain(db, 'zero.example', false)
  await addAccount(db)
  await keepLocalDomain(db, 'one.example', true)
  await keepLocalDomain(db, 'one.example', false)
  await assert.rejects(keepLocalDomain(db, 'two.example', false), refusal)
})

test('on this machine the port may change, and only there', async () => {
  await using db = await openTestDatabase(migrations)
  await keepLocalDomain(db, 'localhost:3000', false)
  await addAccount(db)
  for (const domain of ['localhost:4000', 'localhost', 'localhost:3000']) await keepLocalDomain(db, domain, false)
  await assert.rejects(keepLocalDomain(db, 'dunlin.localhost', false), AppError)
  await keepLocalDomain(db, 'one.example:8443', true)
  await assert.rejects(keepLocalDomain(db, 'one.example:9443', false), AppError)
})
