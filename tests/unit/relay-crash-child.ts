/** A process of relay-crash.test.ts: relays until the outbox is empty, unless FAIL_AT kills it before. */
import { openMemoryBus } from '../../src/engines/bus/memory.ts'
import { openDatabase, type ConnectionSettings } from '../../src/engines/database/connection.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import { startRelay } from '../../src/relay/relay.ts'

const connection = JSON.parse(String(process.env['TEST_CONNECTION'])) as ConnectionSettings

await using resources = new AsyncDisposableStack()
const db = resources.use(openDatabase({ connection, poolSize: 5, log: silentLog }))
const bus = resources.use(
  openMemoryBus({
    clock: systemClock,
    log: silentLog,
    parking: { park: () => Promise.reject(new Error('nothing here is poison')) },
    accepts: () => true,
  }),
)
resources.use(
  bus.join('crash-test', ['test.said'], async ({ id, key }) => {
    await db.run`insert into handled (id, key) values (${id}, ${key})`
  }),
)
const queue = openOutbox({ db, clock: systemClock })
const parking = { park: () => Promise.reject(new Error('the bus refuses nothing')) }
const limits = { batchMax: 10, drainMs: 1_000 }
resources.use(startRelay({ queue, bus, parking, clock: systemClock, log: silentLog, sole: true, limits }))
while ((await queue.lag()).rows > 0) await systemClock.sleep(5)
