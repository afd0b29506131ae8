/** The queue of mobile push with everything around it: on the tests' PostgreSQL, with notifications that are always there. */
import type { AccountRecord, UserRecord } from '../src/accounts/contract.ts'
import { allMigrations } from '../src/engines/database/migrate.ts'
import { silentLog } from '../src/kit/log.ts'
import { site } from '../src/mastodon/site.ts'
import { urls } from '../src/mastodon/urls.ts'
import type { PushTarget } from '../src/mobile-push/contract.ts'
import { deliverDue } from '../src/mobile-push/delivering.ts'
import { migrations } from '../src/mobile-push/migrations.ts'
import type { Sending } from '../src/mobile-push/sending.ts'
import type { AccountId } from '../src/snowflake/contract.ts'
import { NO_RELATION } from '../src/social-graph/contract.ts'
import { openTestDatabase } from '../tests/world/database.ts'
import { accountView } from '../tests/world/views.ts'

interface QueueRound {
  sending: Sending
  target: PushTarget
  /** Deliveries that wait. */
  count: number
}

/** Deliveries per second until nothing waits. */
export async function queueRound({ sending, target, count }: QueueRound): Promise<number> {
  await using db = await openTestDatabase(allMigrations(migrations))
  const recipient = 1n as AccountId
  const from = accountView(2n, 'alice')
  await db.run`
    insert into push_subscriptions (token_id, token_hash, account_id, endpoint, public_key, auth, standard, alerts, policy)
    values (1, '', ${recipient}, ${target.endpoint}, ${target.publicKey}, ${target.auth}, true, '{follow}', 'all')`
  await db.run`
    insert into push_deliveries (subscription, notification, recipient, due_at, created_at)
    select 1, n, ${recipient}, now() - interval '1 second', now() from generate_series(1, ${count}::int) as n`
  const user: Pick<UserRecord, 'disabled' | 'locale'> = { disabled: false, locale: 'en' }
  const deps = {
    ...sending,
    db,
    bus: { join: () => ({ [Symbol.asyncDispose]: async () => {} }) },
    notifications: {
      find: async (_recipient: AccountId, id: bigint) => ({
        record: {
          id,
          recipient,
          type: 'follow' as const,
          from: from.account.id,
          status: null,
          groupKey: null,
          filtered: false,
          createdAtMs: sending.clock.nowMs(),
        },
        from,
        status: undefined,
      }),
    },
    accounts: {
      byIds: async (): Promise<AccountRecord[]> => [from.account],
      user: async () => user as UserRecord, // all that is asked for
    },
    graph: { relation: () => NO_RELATION },
    site: site(urls('http://localhost:3000', 'localhost:3000')),
    log: silentLog,
  }
  const startMs = performance.now()
  while (await deliverDue(deps)) continue
  const tookMs = performance.now() - startMs
  const left = await db.one<{ count: bigint }>`select count(*) from push_deliveries`
  if (left?.count !== 0n) throw new Error(`${left?.count} deliveries are left`)
  return (count / tookMs) * 1_000
}
