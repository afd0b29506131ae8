/** The command line: what it answers, where it says no, and what it reads of processes. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { parseStat, processTree, titleOf } from '../../src/cli/processes.ts'
import { duration } from '../../src/cli/ps-command.ts'
import { firstLineOf, table, UsageError } from '../../src/cli/terminal.ts'
import { asSystemState } from '../../src/roles/system-state.ts'
import { dunlin } from '../world/command-line.ts'

test('what is asked for wrongly ends with 2 and a hint, help and version with 0', async () => {
  const wrong: [string[], RegExp][] = [
    [[], /Usage: dunlin/],
    [['acounts'], /Did you mean accounts/],
    [['accounts', 'create'], /missing required argument 'username'/],
    [['accounts', 'list', '--limt', '3'], /Did you mean --limit/],
    [['accounts', 'list', '--limit', '0'], /from 1 to/],
    [['accounts', 'create', 'bob', '--role', 'king'], /king is no role: take one of user/],
    [['accounts', 'create', 'bob', '--password', 'x'], /unknown option '--password'/],
    [['accounts', 'create', 'bob', '--password-stdin'], /standard input is empty/],
    [['token', 'revoke'], /--token-stdin/],
    [['token', 'revoke', 'not-a-number'], /is a number/],
    [['life', 'x'], /is no id of a status/],
    [['serve', '--prot', '1'], /Did you mean --port/],
    [['config', 'show', 'PORTT'], /PORTT: no such setting/],
  ]
  for (const [argv, hint] of wrong) {
    const { code, err, out } = await dunlin(argv)
    assert.equal(code, 2, argv.join(' '))
    assert.match(err, hint)
    assert.equal(out, '', argv.join(' '))
  }
  for (const argv of [['--help'], ['--version'], ['accounts', 'create', '--help']]) {
    const { code, out } = await dunlin(argv)
    assert.equal(code, 0)
    assert.notEqual(out, '')
  }
})

test('serve gets the flags that were given, and nothing else', async () => {
  let seen: unknown
  const systems = {
    serve: async ({ flags }: { flags: unknown }) => {
      seen = flags
      return 7
    },
  }
  const { code } = await dunlin(['serve', '--port', '0', '--data-dir', '/somewhere', '--config', 'c.conf'], { systems })
  assert.equal(code, 7)
  assert.deepEqual(seen, { port: '0', 'data-dir': '/somewhere', config: 'c.conf' })
})

test('config check tells every mistake and ends with 1; what is right ends with 0', async () => {
  const env = { PORT: 'many', LOCAL_DOMIAN: 'example.org' }
  const wrong = await dunlin(['config', 'check', '--json'], { env })
  assert.equal(wrong.code, 1)
  const { ok, problems }: { ok: boolean; problems: string[] } = JSON.parse(wrong.out)
  assert.equal(ok, false)
  assert.match(problems.join('\n'), /PORT \(environment\)/)
  assert.match(problems.join('\n'), /Did you mean LOCAL_DOMAIN\?/)
  const right = await dunlin(['config', 'check'], { env: { PORT: '3001' } })
  assert.deepEqual([right.code, right.err], [0, ''])
})

test('config show tells values and origins, and never a secret', async () => {
  const env = { PORT: '3001', SECRET_KEY_BASE: 'x'.repeat(64) }
  const plain = await dunlin(['config', 'show', 'port', 'secret_key_base'], { env })
  assert.equal(plain.out, 'PORT=3001\nSECRET_KEY_BASE=(hidden)')
  const origins = await dunlin(['config', 'show', '--origin', '--json', '--port', '3002'], { env })
  const lines: { name: string; value: string; origin: string }[] = JSON.parse(origins.out)
  const port = lines.find(({ name }) => name === 'PORT')
  assert.deepEqual([port?.value, port?.origin], ['3002', 'flag --port'])
  assert.doesNotMatch(origins.out, /xxxx/)
})

test('commands that ask a running server say so when there is none, and make nothing', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'dunlin-cli-'))
  try {
    for (const argv of [['ps'], ['life', '1']]) {
      const { code, err } = await dunlin([...argv, '--json'], { cwd })
      assert.equal(code, 1)
      assert.match(JSON.parse(err).error, /No Dunlin runs on .*Start it with `dunlin serve`/)
    }
    assert.deepEqual(await readdir(cwd), [])
  } finally {
    await rm(cwd, { recursive: true })
  }
})

test('a wrong configuration is a wrong use', async () => {
  const { code, err } = await dunlin(['accounts', 'list'], { env: { PORT: 'many' } })
  assert.equal(code, 2)
  assert.match(err, /PORT \(environment\): "many" must be/)
})

test('the first line of standard input is taken whole, whatever chunks it comes in, and not without end', async () => {
  assert.equal(await firstLineOf(Readable.from(['pass', 'word\r\nmore'])), 'password')
  assert.equal(await firstLineOf(Readable.from(['no end'])), 'no end')
  assert.equal(await firstLineOf(Readable.from([])), '')
  await assert.rejects(firstLineOf(Readable.from(['x'.repeat(3000), 'x'.repeat(3000)])), UsageError)
})

test('the name of a process may hold brackets and spaces', () => {
  const fields = [
    'S',
    '10',
    ...Array.from({ length: 9 }, () => '0'),
    '250',
    '50',
    ...Array.from({ length: 6 }, () => '0'),
  ]
  const stat = parseStat(`123 (a) b (c) ${fields.join(' ')} 777 0`, 100)
  assert.deepEqual(stat, { name: 'a) b (c', state: 'S', parent: 10, cpuSeconds: 3, startedTicks: 777 })
  assert.equal(parseStat('nothing', 100), undefined)
})

test('a title is what the process says of itself, else its program and first argument', () => {
  assert.equal(titleOf('postgres: dunlin dunlin [local] idle\0', 'postgres'), 'postgres: dunlin dunlin [local] idle')
  assert.equal(titleOf('/usr/bin/node\0--flag\0/app/src/main.ts\0serve\0', 'node'), 'node main.ts')
  assert.equal(titleOf('', 'kthread'), 'kthread')
})

test('this very process is found with its threads and figures', { skip: process.platform !== 'linux' }, async () => {
  const [own] = await processTree(process.pid)
  assert.equal(own?.pid, process.pid)
  assert.ok(own.rssBytes > 10 * 1024 * 1024)
  assert.ok(own.cpuSeconds > 0)
  assert.ok(own.threads.length > 1)
  assert.equal(own.threads[0]?.tid, process.pid)
  assert.ok(own.threads.every((thread) => thread.voluntarySwitches + thread.involuntarySwitches > 0))
  assert.deepEqual(await processTree(2 ** 30), [])
})

test('columns are as wide as their widest cell, and numbers end below each other', () => {
  const text = table(
    ['N', 'NAME'],
    [
      ['5', 'x'],
      ['120', 'longer'],
      ['-', ''],
    ],
  )
  assert.equal(text, '  N  NAME\n  5  x\n120  longer\n  -')
  assert.equal(table(['NAME'], [['a long one']], 6), 'NAME\na long')
})

test('durations are told in the largest unit of which there are two', () => {
  const told = [0, 340, 1999, 2000, 119_999, 120_000, 7_200_000, 172_800_000].map(duration)
  assert.deepEqual(told, ['0 ms', '340 ms', '1999 ms', '2 s', '119 s', '2 min', '2 h', '2 d'])
})

test('an answer of another version is not taken for the state of the system', () => {
  assert.equal(asSystemState(undefined), undefined)
  assert.equal(asSystemState({ version: '1' }), undefined)
  const state = { version: '1', url: '', startedAtMs: 0, nowMs: 0, databasePid: null, outbox: { rows: 0, oldestMs: 0 } }
  assert.equal(asSystemState({ ...state, loops: 'none', threads: [] }), undefined)
  assert.equal(asSystemState({ ...state, loops: [] }), undefined)
  assert.notEqual(asSystemState({ ...state, loops: [], threads: [] }), undefined)
})

test('whoever stops reading ends no command with an error', async () => {
  const script = `exec 3>&2; "$0" "$1" config show --origin 2>&3 | true; echo "\${PIPESTATUS[0]}"`
  const main = new URL('../../src/main.ts', import.meta.url).pathname
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script, process.execPath, main])
  assert.deepEqual([stdout.trim(), stderr], ['0', ''])
})
