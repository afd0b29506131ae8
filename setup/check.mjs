/** `npm run check`: format, lint, types, dead code. Each runs even when an earlier one found something. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

import { ROOT } from './prepare.mjs'

const CHECKS = [
  { name: 'format', command: ['oxfmt', '--check'], remedy: 'npm run format' },
  { name: 'lint', command: ['oxlint'] },
  { name: 'types', command: ['tsc', '--project', 'tsconfig.json'] },
  { name: 'dead code', command: ['knip', '--no-progress'] },
]

const failed = CHECKS.filter(({ name, command: [tool, ...flags], remedy }) => {
  process.stdout.write(`\n--- ${name}: ${[tool, ...flags].join(' ')}\n`)
  const { status } = spawnSync(join(ROOT, 'node_modules', '.bin', tool), flags, { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0 && remedy !== undefined) process.stdout.write(`To put it right: ${remedy}\n`)
  return status !== 0
})
process.stdout.write(
  failed.length === 0 ? '\nThe check passed.\n' : `\nFailed: ${failed.map(({ name }) => name).join(', ')}\n`,
)
process.exitCode = failed.length === 0 ? 0 : 1
