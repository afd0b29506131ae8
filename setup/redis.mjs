/**
 * The tests of the Redis engine start Redis servers of their own, so they need the program. Where it is missing it is
 * installed, if that is possible here; otherwise this says exactly what to install.
 */
import { spawnSync } from 'node:child_process'

const MISSING = `The Redis tests need redis-server (Redis 7 or newer, or Valkey), which is not installed. Install it and try again:
  Debian, Ubuntu   apt-get install redis-server
  Fedora           dnf install valkey valkey-compat-redis
  macOS            brew install redis`

/** True when redis-server can be started afterwards; otherwise what to do has been printed. */
export function prepareRedis() {
  if (isThere()) return true
  if (process.getuid?.() === 0 && runs('apt-get', ['--version'])) {
    console.log('Installing redis-server …')
    // No service of the system's is wanted: the tests start their own.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
    const install = ['install', '-y', '--no-install-recommends', 'redis-server']
    if (!runs('apt-get', install, env) && runs('apt-get', ['update'], env)) runs('apt-get', install, env)
  }
  if (isThere()) return true
  console.error(MISSING)
  return false
}

function isThere() {
  return runs('redis-server', ['--version'])
}

function runs(program, args, env = process.env) {
  return spawnSync(program, args, { env, stdio: 'ignore' }).status === 0
}
