/** A process of write-api-together.test.ts: many post at the same time, again and again, until FAIL_AT kills it. */
import type { ConnectionSettings } from '../../src/engines/database/connection.ts'
import { accountId } from '../world/statuses.ts'
import { openWritingWorld } from '../world/writing.ts'

const PEOPLE = 20
const ROUNDS = 50

const on = JSON.parse(String(process.env['TEST_CONNECTION'])) as ConnectionSettings
await using world = await openWritingWorld({ on })
const draft = { visibility: 'unlisted', sensitive: false, language: 'en' } as const
await Promise.all(
  Array.from({ length: PEOPLE }, async (_, person) => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id } = await world.post(accountId(100 + person), { ...draft, text: `${round} of ${person}` })
      process.stdout.write(`${id}\n`)
    }
  }),
)
