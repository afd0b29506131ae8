/**
 * A process for the fault tests to kill: starts the embedded PostgreSQL on the folder it is given, writes numbered rows
 * as fast as it can and prints each number once it is committed.
 */
import { openDatabase } from '../../src/engines/database/connection.ts'
import { startEmbeddedPostgres } from '../../src/engines/database/embedded/start.ts'
import { silentLog } from '../../src/kit/log.ts'

const [dataDir = '', ending = 'write'] = process.argv.slice(2)
const postgres = await startEmbeddedPostgres({ dataDir, log: silentLog })
const database = openDatabase({ connection: postgres.connection, poolSize: 4, log: silentLog })
await database.run`create table if not exists written (n int8 primary key)`
console.log(`ready ${postgres.pid()}`)
if (ending === 'exit') process.exit(3)
const last = await database.one<{ n: bigint | null }>`select max(n) as n from written`
for (let n = (last?.n ?? 0n) + 1n; ; n += 1n) {
  await database.run`insert into written values (${n})`
  console.log(`committed ${n}`)
}
