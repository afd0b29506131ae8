/** A process of scheduled-crash.test.ts: does what is due, unless FAIL_AT kills it on the way. */
import type { ConnectionSettings } from '../../src/engines/database/connection.ts'
import { NOON_MS } from '../world/statuses.ts'
import { openWritingWorld } from '../world/writing.ts'

const on = JSON.parse(String(process.env['TEST_CONNECTION'])) as ConnectionSettings
await using world = await openWritingWorld({ on })
for (const work of world.dueWorks) await work.run(NOON_MS + 3_600_000, 100)
