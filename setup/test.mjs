/**
 * Runs tests on the pinned Node: `npm test` all but the long ones, `npm test -- tests/unit/…` those that are named,
 * `npm run test:faults` the ones that start real processes and kill them, `npm run test:redis` the ones that need Redis,
 * `npm run test:simulation` seeded stories by the thousand (SEEDS=100 plays fewer).
 */
import { join } from 'node:path'

import { ROOT } from './prepare.mjs'
import { prepareRedis } from './redis.mjs'

const SUITES = {
  quick: { patterns: ['tests/*.test.ts', 'tests/{unit,contracts,journeys,simulation}/**/*.test.ts'], concurrency: 2 },
  // One after the other: they measure times and share the machine's processes.
  faults: { patterns: ['tests/faults/**/*.test.ts'], concurrency: 1 },
  simulation: {
    patterns: ['tests/simulation/**/*.test.ts'],
    concurrency: 2,
    env: { SEEDS: '1000' },
    testMsMax: 6 * 3_600_000,
  },
  redis: { patterns: ['tests/redis/**/*.test.ts'], concurrency: 1, isPrepared: prepareRedis },
}
/** Every file of tests loads the server: compiled once, that costs half. */
const COMPILED = join(ROOT, 'node_modules/.cache/compiled')
/** A test that hangs fails by then. */
const TEST_MS_MAX = 300_000

const [suite = 'quick', ...rest] = process.argv.slice(2)
const { patterns, concurrency, isPrepared = () => true, env = {}, testMsMax = TEST_MS_MAX } = SUITES[suite]
if (!isPrepared()) process.exit(1)
const flags = rest.filter((argument) => argument.startsWith('-'))
const named = rest.filter((argument) => !argument.startsWith('-'))
const runner = ['--test', `--test-concurrency=${concurrency}`, `--test-timeout=${testMsMax}`, ...flags]
const files = named.length > 0 ? named : patterns
const environment = { NODE_COMPILE_CACHE: COMPILED, ...env, ...process.env }
process.execve(process.execPath, [process.execPath, ...runner, ...files], environment)
