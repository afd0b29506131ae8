/** A server and three people for the races, with an operator beside it in another process: this one. */
import { openAccounts } from '../../src/accounts/open.ts'
import { openDatabase } from '../../src/engines/database/connection.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import { parseId, type AccountId } from '../../src/snowflake/contract.ts'
import { snowflakes } from '../../src/snowflake/generator.ts'
import { join } from './people.ts'
import type { RaceWorld } from './races.ts'
import { startServer } from './server.ts'

export async function openRaceWorld(): Promise<RaceWorld & AsyncDisposable> {
  await using resources = new AsyncDisposableStack()
  const server = resources.use(await startServer())
  const reader = await join(server.url, 'reader')
  const author = await join(server.url, 'author')
  const booster = await join(server.url, 'booster')
  const connection = { connectionString: server.env['DATABASE_URL'] ?? '' }
  const db = resources.use(openDatabase({ connection, poolSize: 1, log: silentLog }))
  const clock = systemClock
  const operator = resources.use(
    openAccounts({
      db,
      clock,
      log: silentLog,
      outbox: openOutbox({ db, clock }),
      snowflakes: snowflakes({ worker: 500, clock, lastMs: 0 }),
      bus: undefined,
    }),
  )
  const opened = resources.move()
  return {
    reader,
    author,
    booster,
    async suspend({ id }, suspended) {
      const account = parseId<AccountId>(id)
      if (account !== undefined) await operator.accounts.setSuspended(account, suspended)
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
