/**
 * `node bench/main.ts NAME [--quick]` runs one benchmark, `all [--quick] [--report]` every one.
 * Exit codes: 0 done, 1 failed, 2 asked wrongly.
 */
import { parseArgs } from 'node:util'

import { runAll } from './all.ts'
import { formatTable, printReport } from './report.ts'
import type { BenchModule } from './report.ts'

/** Loaded only when asked for: each brings half of the server with it. */
const BENCHES = {
  snowflake: () => import('./snowflake.ts'),
  home: () => import('./home.ts'),
  post: () => import('./post.ts'),
  fanout: () => import('./fanout.ts'),
  'fanout-redis': () => import('./fanout-redis.ts'),
  celebrity: () => import('./celebrity.ts'),
  life: () => import('./life.ts'),
  streams: () => import('./streams.ts'),
  push: () => import('./push.ts'),
  index: () => import('./index.ts'),
  search: () => import('./search.ts'),
  'index-load': () => import('./index-load.ts'),
  freshness: () => import('./freshness.ts'),
  suggest: () => import('./suggest.ts'),
} satisfies Record<string, () => Promise<BenchModule>>

type BenchName = keyof typeof BENCHES

function isBenchName(name: string | undefined): name is BenchName {
  return name !== undefined && Object.hasOwn(BENCHES, name)
}

async function main(args: string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      // For `all`: the last line has the rows as well.
      rows: { type: 'boolean', default: false },
    },
  })
  const [name, ...rest] = positionals
  if (name === 'all' && rest.length === 0) return runAll({ ...values, names: Object.keys(BENCHES) })
  if (!isBenchName(name) || rest.length > 0) {
    console.error(
      `usage: npm run bench -- NAME [--quick]\n       npm run bench -- all [--quick] [--report]\nNAME is one of: ${Object.keys(BENCHES).join(', ')}`,
    )
    return 2
  }
  const bench: BenchModule = await BENCHES[name]()
  const result = await bench.run(values)
  if (values.rows) console.log(`${formatTable(result.rows)}\n\n${JSON.stringify(result)}`)
  else printReport(result)
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const isUsage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  console.error(isUsage ? error.message : error)
  process.exitCode = isUsage ? 2 : 1
}
