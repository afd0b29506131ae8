/** A process of write-api-crash.test.ts: posts once, unless FAIL_AT kills it on the way. */
import type { ConnectionSettings } from '../../src/engines/database/connection.ts'
import { ALICE, openWritingWorld } from '../world/writing.ts'

const on = JSON.parse(String(process.env['TEST_CONNECTION'])) as ConnectionSettings
await using world = await openWritingWorld({ on })
await world.post(ALICE, { text: 'once', idempotencyKey: 'key' })
