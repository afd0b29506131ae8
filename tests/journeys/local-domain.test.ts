import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openTestDatabase } from '../world/database.ts'
import { join } from '../world/people.ts'
import { startServer } from '../world/server.ts'

test('a server whose domain was changed does not start, and says what to do', async () => {
  await using database = await openTestDatabase()
  const { host = '', user, database: name } = database.connection
  const env = { DATABASE_URL: `postgresql://${user}@localhost/${name}?host=${encodeURIComponent(host)}` }
  {
    await using first = await startServer({ env })
    await join(first.url, 'alice')
  }
  const moved = { ...env, LOCAL_DOMAIN: 'flock.localhost' }
  await assert.rejects(
    startServer({ env: moved }),
    /dunlin: The accounts of this server are at localhost:\d+, but LOCAL_DOMAIN is flock\.localhost now/,
  )
  await using _sameMachine = await startServer({ env })
  await using insisted = await startServer({ env: { ...moved, LOCAL_DOMAIN_CHANGE: 'true' } })
  assert.match(insisted.output(), /Dunlin is ready at http:\/\/flock\.localhost/)
})
