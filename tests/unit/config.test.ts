import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'

import { THROTTLE_NAMES } from '../../src/edge/rate-limits.ts'
import type { RateLimitSettings } from '../../src/edge/rate-limits.ts'
import { listeningOn } from '../../src/kit/config/config.ts'
import { RATE_LIMIT_NAMES } from '../../src/kit/config/keys.ts'
import { loadConfig, reportConfig, type Invocation } from '../../src/kit/config/load.ts'
import { AppError } from '../../src/kit/errors.ts'

/** A folder of its own with the given files in it, and an invocation there. */
async function invocation(
  parts: { flags?: Record<string, string>; env?: Record<string, string>; files?: Record<string, string> } = {},
): Promise<Invocation & AsyncDisposable> {
  const cwd = await mkdtemp(join(tmpdir(), 'dunlin-config-'))
  for (const [name, text] of Object.entries(parts.files ?? {})) await writeFile(join(cwd, name), text, { mode: 0o600 })
  return {
    cwd,
    flags: parts.flags ?? {},
    env: parts.env ?? {},
    [Symbol.asyncDispose]: () => rm(cwd, { recursive: true, force: true }),
  }
}

async function problemsOf(parts: Parameters<typeof invocation>[0]): Promise<string> {
  await using call = await invocation(parts)
  const reported = reportConfig(call).problems.join('\n')
  const thrown = await loadConfig(call).then(
    () => '',
    (error: unknown) => {
      assert.ok(error instanceof AppError)
      assert.equal(error.code, 'invalid')
      return error.message
    },
  )
  for (const line of reported.split('\n')) assert.ok(thrown.includes(line), `the start says it, too: ${line}`)
  assert.equal(thrown === '', reported === '')
  return reported
}

test('without any setting there is a server for this machine', async () => {
  await using call = await invocation()
  const { config, warnings } = await loadConfig(call)
  assert.deepEqual(warnings, [])
  assert.equal(config.http.port, 3000)
  assert.equal(config.http.bind, '127.0.0.1')
  assert.equal(config.localDomain, 'localhost:3000')
  assert.equal(config.baseUrl, 'http://localhost:3000')
  assert.equal(config.dataDir, join(call.cwd, 'data'))
  assert.equal(config.production, false)
  assert.equal(config.registrations.mode, 'open')
  assert.equal(config.rateLimits.enforced, true)
  assert.equal(config.database.url, undefined)
  assert.equal(config.timelines.celebrityFollowers, 100_000)
  assert.equal(config.maxCharacters, 500)
  assert.equal(config.requirePkce, false)
})

test('a public domain makes a production server: https, and nobody gets in unasked', async () => {
  await using call = await invocation({ env: { LOCAL_DOMAIN: 'dunlin.example' } })
  const { config } = await loadConfig(call)
  assert.equal(config.baseUrl, 'https://dunlin.example')
  assert.equal(config.production, true)
  assert.equal(config.environment, 'production')
  assert.equal(config.registrations.mode, 'approved')
  await using plain = await invocation({
    env: { LOCAL_DOMAIN: 'dunlin.example', WEB_DOMAIN: 'web.dunlin.example:8080', LOCAL_HTTPS: 'false' },
  })
  assert.equal((await loadConfig(plain)).config.baseUrl, 'http://web.dunlin.example:8080')
})

test('flags win over the environment, the environment over the file, and each value knows where it came from', async () => {
  const files = { 'dunlin.conf': '# ours\nPORT=1\nBIND=0.0.0.0\n\nMAX_CHARACTERS=1000\n' }
  await using call = await invocation({ flags: { port: '3' }, env: { PORT: '2', BIND: '::' }, files })
  const { config } = await loadConfig(call)
  assert.deepEqual([config.http.port, config.http.bind, config.maxCharacters], [3, '::', 1000])
  const origins = new Map(reportConfig(call).lines.map((line) => [line.name, line.origin]))
  assert.equal(origins.get('PORT'), 'flag --port')
  assert.equal(origins.get('BIND'), 'environment')
  assert.equal(origins.get('MAX_CHARACTERS'), 'dunlin.conf:5')
  assert.equal(origins.get('DATA_DIR'), 'preset')
  assert.equal(origins.get('LOCAL_DOMAIN'), 'not set')
})

test('another file can be named, and then it has to be there', async () => {
  await using call = await invocation({ flags: { config: 'other.conf' }, files: { 'other.conf': 'PORT=7' } })
  assert.equal((await loadConfig(call)).config.http.port, 7)
  assert.match(await problemsOf({ flags: { config: 'missing.conf' } }), /missing\.conf cannot be read/)
  assert.match(await problemsOf({ env: { DUNLIN_CONFIG: 'missing.conf' } }), /missing\.conf cannot be read/)
})

test('the file takes quotes, comments and export, and names the line of what it does not understand', async () => {
  const text = [
    'export SITE_TITLE="Our \\"own\\" place" # the name',
    "SITE_DESCRIPTION='no # comment in here'",
    'BIND=0.0.0.0 # all of them',
    'CONTACT_EMAIL=',
  ]
  await using call = await invocation({ files: { 'dunlin.conf': text.join('\r\n') } })
  const { config } = await loadConfig(call)
  assert.deepEqual(config.site, {
    title: 'Our "own" place',
    description: 'no # comment in here',
    contactEmail: undefined,
  })
  assert.equal(config.http.bind, '0.0.0.0')
  const wrong = 'PORT=1\njust words\nSITE_TITLE="open\nPORT=2\n'
  const problems = await problemsOf({ files: { 'dunlin.conf': wrong } })
  assert.match(problems, /dunlin\.conf:2: expected KEY=value/)
  assert.match(problems, /dunlin\.conf:3: SITE_TITLE: the closing quote is missing/)
  assert.match(problems, /PORT \(dunlin\.conf:4\) is set a second time/)
})

test('every problem is told at once, with its place and what was expected', async () => {
  const problems = await problemsOf({
    flags: { prot: '1' },
    env: { PORT: 'abc', TRUSTED_PROXY_IP: '10.0.0.0/33', DATABSE_URL: 'postgres://x/y', SMTP_SEVER: 'mail' },
    files: { 'dunlin.conf': 'LOCAL_DOMAIN=https://dunlin.example\nMAX_CHARS=3\nRATE_LIMIT_FOLOWS=1/1m' },
  })
  const expected = [
    /--prot is not a flag\. Did you mean --port\?/,
    /PORT \(environment\): "abc" must be a whole number from 0 to 65535\./,
    /TRUSTED_PROXY_IP \(environment\): "10\.0\.0\.0\/33" must be addresses or networks/,
    /DATABSE_URL \(environment\) is not a setting\. Did you mean DATABASE_URL\?/,
    /SMTP_SEVER \(environment\) is not a setting\. Did you mean SMTP_SERVER\?/,
    /LOCAL_DOMAIN \(dunlin\.conf:1\): "https:\/\/dunlin\.example" must be a domain/,
    /MAX_CHARS \(dunlin\.conf:2\) is not a setting\./,
    /RATE_LIMIT_FOLOWS \(dunlin\.conf:3\) is not a setting\. Did you mean RATE_LIMIT_FOLLOWS\?/,
  ]
  for (const pattern of expected) assert.match(problems, pattern)
  assert.equal(problems.split('\n').length, expected.length)
})

test('an environment full of other programs is left alone', async () => {
  const names =
    'HOME PATH SHELL TERM LANG LC_ALL USER LOGNAME HOST HOSTNAME PWD OLDPWD SHLVL EDITOR PAGER DISPLAY MAIL TZ TMPDIR ' +
    'SSH_AUTH_SOCK XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS npm_config_cache npm_lifecycle_event INIT_CWD CI NODE ' +
    'NODE_OPTIONS NODE_PATH PGHOST PGPORT PGUSER PGPASSWORD JAVA_HOME GOPATH VIRTUAL_ENV COLORTERM LS_COLORS DEBUG ' +
    'DUNLIN_SERVICE_HOST DUNLIN_SERVICE_PORT DUNLIN_PORT DUNLIN_PORT_3000_TCP KUBERNETES_PORT FAIL_AT _'
  const env = Object.fromEntries(names.split(' ').map((name) => [name, 'anything']))
  assert.equal(await problemsOf({ env }), '')
})

test("Mastodon's own file can be brought along", async () => {
  const text = `
LOCAL_DOMAIN=social.example
REDIS_HOST=localhost
REDIS_PORT=6379
DB_HOST=/var/run/postgresql
DB_USER=mastodon
DB_NAME=mastodon_production
DB_PASS=p@ss/word
DB_PORT=5432
ES_ENABLED=true
SECRET_KEY_BASE=0123456789abcdef0123456789abcdef
OTP_SECRET=x
ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY=x
SMTP_SERVER=smtp.example.org
SMTP_PORT=587
SMTP_LOGIN=
SMTP_FROM_ADDRESS=notifications@example.com
S3_ENABLED=true
S3_ALIAS_HOST=files.example.com
IP_RETENTION_PERIOD=31556952
`
  await using call = await invocation({ files: { '.env.production': text }, flags: { config: '.env.production' } })
  const { config, warnings } = await loadConfig(call)
  assert.equal(config.localDomain, 'social.example')
  assert.equal(
    config.database.url,
    'postgres://mastodon:p%40ss%2Fword@localhost:5432/mastodon_production?host=%2Fvar%2Frun%2Fpostgresql',
  )
  assert.equal(config.secrets.keyBase, '0123456789abcdef0123456789abcdef')
  const told = warnings.join('\n')
  assert.match(told, /without a meaning here: REDIS_HOST, REDIS_PORT, ES_ENABLED, OTP_SECRET,/)
  assert.match(told, /SMTP_SERVER \(\.env\.production:\d+\) is understood, but this version does not use it/)
  assert.match(told, /S3_ENABLED/)
})

test('switches for tests are refused by a production server', async () => {
  const switches = { RATE_LIMITS: 'off', AUTO_CONFIRM_SIGNUPS: 'true', PUSH_ALLOW_LOOPBACK: '1' }
  await using call = await invocation({ env: switches })
  const { config } = await loadConfig(call)
  assert.equal(config.rateLimits.enforced, false)
  assert.equal(config.registrations.autoConfirm, true)
  assert.equal(config.push.allowLoopback, true)
  for (const production of [
    { LOCAL_DOMAIN: 'dunlin.example' },
    { DUNLIN_ENV: 'production' },
    { NODE_ENV: 'production' },
  ]) {
    const problems = await problemsOf({ env: { ...switches, ...production } })
    for (const name of Object.keys(switches)) assert.match(problems, new RegExp(`^${name}.*production server`, 'm'))
  }
  const disguised = await problemsOf({ env: { ...switches, LOCAL_DOMAIN: 'dunlin.example', DUNLIN_ENV: 'test' } })
  assert.match(disguised, /RATE_LIMITS=off/)
  for (const domain of ['localhost', '127.0.0.1:80', '[::1]:3000', 'dunlin.localhost']) {
    assert.equal(await problemsOf({ env: { ...switches, LOCAL_DOMAIN: domain } }), '')
  }
})

test('each figure of the rate limits can be changed, by the names that the edge uses', async () => {
  assert.deepEqual([...RATE_LIMIT_NAMES], THROTTLE_NAMES)
  await using call = await invocation({ env: { RATE_LIMIT_API_TOKEN: '1000/5m', RATE_LIMIT_FOLLOWS: '10/d' } })
  const { config } = await loadConfig(call)
  const settings: RateLimitSettings = config.rateLimits
  assert.deepEqual(settings.changed, {
    api_token: { limit: 1000, periodSeconds: 300 },
    follows: { limit: 10, periodSeconds: 86_400 },
  })
  for (const text of ['5', '0/1m', '5/0s', '5/1y', '5/99999d', '-1/1m']) {
    assert.match(await problemsOf({ env: { RATE_LIMIT_REPORTS: text } }), /RATE_LIMIT_REPORTS.*as 300\/5m/)
  }
})

test('a secret may come from a file, which nobody else may read', async () => {
  const secret = 'a secret of more than thirty-two characters'
  await using call = await invocation({ env: { SECRET_KEY_BASE_FILE: 'key' }, files: { key: `${secret}\n` } })
  for (const mode of [0o600, 0o640, 0o400, 0o440]) {
    await chmod(join(call.cwd, 'key'), mode)
    assert.equal((await loadConfig(call)).config.secrets.keyBase, secret)
  }
  for (const mode of [0o644, 0o604, 0o660, 0o700]) {
    await chmod(join(call.cwd, 'key'), mode)
    await assert.rejects(
      loadConfig(call),
      new RegExp(`key \\(environment SECRET_KEY_BASE_FILE\\).*mode ${mode.toString(8)}.*chmod 640 key`),
    )
  }
  assert.match(await problemsOf({ env: { SECRET_KEY_BASE_FILE: 'none' } }), /none .* cannot be read/)
  const both = { SECRET_KEY_BASE: secret, SECRET_KEY_BASE_FILE: 'key' }
  assert.match(await problemsOf({ env: both }), /SECRET_KEY_BASE and SECRET_KEY_BASE_FILE .* are both set/)
})

test('a secret is never shown, neither by reports nor by errors, and is no flag', async () => {
  const env = { SECRET_KEY_BASE: 'too-short-hush', DATABASE_URL: 'mysql://user:hush@host/db' }
  await using call = await invocation({ env, flags: { 'database-url': 'postgres://user:hush@host/db' } })
  const report = JSON.stringify(reportConfig(call))
  assert.doesNotMatch(report, /hush/)
  assert.match(report, /SECRET_KEY_BASE \(environment\): the value must be at least 32 characters/)
  assert.match(report, /--database-url is not a flag/)
})

test('a data folder that is none is told by its path, with what to do', async () => {
  await using call = await invocation({ env: { DATA_DIR: 'data' }, files: { data: 'a file' } })
  await assert.rejects(loadConfig(call), (error: unknown) => {
    assert.ok(error instanceof AppError)
    assert.match(error.message, /^The data folder .+\/data cannot be used \(ENOTDIR: .+--data-dir or DATA_DIR\.$/)
    return true
  })
})

test('a dunlin.conf that is there but cannot be read is a mistake, and none is not', async () => {
  await using call = await invocation()
  assert.deepEqual(reportConfig(call).problems, [])
  await mkdir(join(call.cwd, 'dunlin.conf'))
  assert.match(reportConfig(call).problems.join('\n'), /^dunlin\.conf cannot be read: EISDIR/)
  await assert.rejects(loadConfig(call), /dunlin\.conf cannot be read/)
})

test('secrets are made at the first start, for the owner only, and stay the same', async () => {
  await using call = await invocation()
  assert.deepEqual(reportConfig(call).problems, [])
  await assert.rejects(stat(join(call.cwd, 'data')), 'a report makes nothing')
  const [first, second] = await Promise.all([loadConfig(call), loadConfig(call)])
  assert.deepEqual(first.config.secrets, second.config.secrets)
  assert.deepEqual((await loadConfig(call)).config.secrets, first.config.secrets)
  const { keyBase, vapid } = first.config.secrets
  assert.match(keyBase, /^[0-9a-f]{128}$/)
  assert.equal(Buffer.from(vapid.publicKey, 'base64url').length, 65)
  assert.equal(Buffer.from(vapid.privateKey, 'base64url').length, 32)
  const file = join(call.cwd, 'data', 'secrets', 'SECRET_KEY_BASE')
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.equal((await stat(join(call.cwd, 'data', 'secrets'))).mode & 0o777, 0o700)
  assert.equal((await readFile(file, 'utf8')).trim(), keyBase)
  await chmod(file, 0o644)
  await assert.rejects(loadConfig(call), /may be read by others: chmod 600/)
})

test('a public key that does not belong to the private one is refused', async () => {
  await using one = await invocation()
  await using other = await invocation()
  const { vapid: a } = (await loadConfig(one)).config.secrets
  const { vapid: b } = (await loadConfig(other)).config.secrets
  await using matching = await invocation({
    env: { VAPID_PRIVATE_KEY: a.privateKey, VAPID_PUBLIC_KEY: `${a.publicKey}=` },
  })
  assert.deepEqual((await loadConfig(matching)).config.secrets.vapid, a)
  await using mixed = await invocation({ env: { VAPID_PRIVATE_KEY: a.privateKey, VAPID_PUBLIC_KEY: b.publicKey } })
  await assert.rejects(loadConfig(mixed), /does not belong/)
})

test('a port that was not known beforehand ends up in the links', async () => {
  await using call = await invocation({ flags: { port: '0' } })
  const config = listeningOn((await loadConfig(call)).config, 4567)
  assert.equal(config.baseUrl, 'http://localhost:4567')
  assert.equal(config.localDomain, 'localhost:4567')
  assert.equal(config.http.port, 4567)
  await using named = await invocation({ flags: { port: '0', 'local-domain': 'dunlin.localhost' } })
  assert.equal(listeningOn((await loadConfig(named)).config, 4567).baseUrl, 'http://dunlin.localhost')
})

test('one database, named in one way', async () => {
  const env = { DATABASE_URL: 'postgres://db/dunlin', DB_HOST: 'db' }
  assert.match(await problemsOf({ env }), /DATABASE_URL and DB_HOST or DB_NAME are both set/)
})

test('Redis as the timeline cache needs an address, whose password is not shown', async () => {
  const env = { TIMELINE_CACHE: 'redis' }
  assert.equal(await problemsOf({ env }), 'TIMELINE_CACHE=redis needs REDIS_URL, as redis://localhost:6379.')
  const url = 'redis://:hunter2@a:7000,redis://b:7001'
  await using call = await invocation({ flags: { 'timeline-cache': 'redis' }, env: { REDIS_URL: url } })
  const { config, warnings } = await loadConfig(call)
  assert.deepEqual(warnings, [])
  assert.equal(config.timelines.cache, 'redis')
  assert.equal(config.timelines.redisUrl, url)
  assert.ok(!JSON.stringify(reportConfig(call)).includes('hunter2'))
})
