/** `dunlin seed` as an operator uses it: flags, progress, answers and refusals, on a real database. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { progressBar } from '../../src/cli/progress-bar.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { dunlin, type Spoken } from '../world/command-line.ts'
import { openTestDatabase } from '../world/database.ts'

interface Operator extends AsyncDisposable {
  say(argv: string): Promise<Spoken>
  /** How many people, follows and statuses there are. */
  counts(): Promise<number[]>
}

async function operator(): Promise<Operator> {
  const database = await openTestDatabase()
  const { host = '', user, database: name } = database.connection
  const env = { DATABASE_URL: `postgresql://${user}@localhost/${name}?host=${encodeURIComponent(host)}` }
  return {
    say: (argv) => dunlin(argv.split(' '), { env }),
    async counts() {
      const counted = await database.one<{ people: number; follows: number; statuses: number }>`
        select (select count(*)::int from accounts) as people, (select count(*)::int from follows) as follows,
          (select count(*)::int from statuses) as statuses`
      return Object.values(counted ?? {})
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

test('wrong flags end with 2, name what would be right, and make nothing', async () => {
  const wrong: [string, RegExp][] = [
    ['--people 0', /--people must be a whole number from 1 to 100000, not 0/],
    ['--people -1', /--people must be/],
    ['--people many', /--people must be/],
    ['--posts 0', /--posts must be a whole number from 1 to 1000000, not 0/],
    ['--posts 1e5', /--posts must be/],
    ['--posts 99999999999999999999', /--posts must be/],
    ['--seed 1.5', /--seed must be/],
    ['--seed 4294967296', /--seed must be a whole number from 0 to 4294967295/],
    ['--end tomorrow', /--end must be a date such as/],
    ['--end 2026-02-31T', /--end must be a date such as/],
    ['--end 2999-01-01', /--end must lie between 2008-01-01 and now/],
    ['--end 2001-01-01', /--end must lie between/],
    ['--poeple 5', /Did you mean --people/],
  ]
  for (const [flags, hint] of wrong) {
    // No database: it is not even looked for.
    const { code, out, err } = await dunlin(['seed', ...flags.split(' ')], {
      env: { DATABASE_URL: 'postgres://nowhere' },
    })
    assert.equal(code, 2, flags)
    assert.match(err, hint)
    assert.equal(out, '')
  }
})

test('what was made is told, and how to go on from there; again, nothing is added', async () => {
  await using on = await operator()
  const first = await on.say('seed --people 20 --posts 300 --seed 5')
  assert.equal(first.code, 0, first.err)
  const [, follows = 0] = await on.counts()
  assert.match(first.out, new RegExp(`^Seeded 20 people, ${follows} follows and 300 statuses in [\\d.]+ s`))
  const star = /@(\w+), with (\d+) followers/.exec(first.out)
  assert.ok(star !== null)
  assert.match(first.out, new RegExp(`dunlin token create ${star[1]}$`, 'm'))
  assert.match(first.err, /^people: 20 of 20$/m)
  assert.match(first.err, /^statuses: 300 of 300$/m)
  assert.deepEqual(await on.counts(), [20, follows, 300])
  assert.equal((await on.say(`token create ${star[1]}`)).code, 0)

  const again = await on.say('seed --people 20 --posts 300 --seed 5')
  assert.equal(again.code, 0)
  assert.match(again.out, /^This world is here already: nothing was added/)
  const json = await on.say('seed --people 20 --posts 300 --seed 5 --json')
  assert.equal(json.err, '')
  const summary: Record<string, unknown> = JSON.parse(json.out)
  assert.deepEqual(
    [summary['people'], summary['statuses'], summary['added'], summary['statusesPerSecond']],
    [20, 300, { people: 0, follows: 0, statuses: 0 }, null],
  )
  assert.deepEqual(await on.counts(), [20, follows, 300])
})

test('another world whose names are taken is refused whole, and says what to do', async () => {
  await using on = await operator()
  const made = await on.say('seed --people 20 --posts 300 --seed 5')
  assert.equal(made.code, 0, made.err)
  const [, follows] = await on.counts()
  // The same names, other people.
  for (const flags of [
    '--people 20 --posts 400 --seed 5',
    '--people 10 --posts 300 --seed 5',
    '--people 40 --posts 300 --seed 5',
  ]) {
    const { code, out, err } = await on.say(`seed ${flags}`)
    assert.deepEqual([code, out], [1, ''], flags)
    assert.match(err, /\d+ of the \d+ names of this world are taken here already \(@\w+, @\w+, @\w+ …\)/)
    assert.match(err, /Nothing was changed.*another --data-dir/)
  }
  assert.deepEqual(await on.counts(), [20, follows, 300])
})

test('a name that somebody has is theirs', async () => {
  await using on = await operator()
  const plan = await on.say('seed --people 3 --posts 1 --seed 9')
  const name = /@(\w+), with/.exec(plan.out)?.[1] ?? ''
  await using elsewhere = await operator()
  assert.equal((await elsewhere.say(`accounts create ${name}`)).code, 0)
  const { code, err } = await elsewhere.say('seed --people 3 --posts 1 --seed 9')
  assert.equal(code, 1)
  assert.match(err, new RegExp(`1 of the 3 names of this world are taken here already \\(@${name}\\)`))
  assert.deepEqual(await elsewhere.counts(), [1, 0, 0])
})

test('the smallest world has one person with one status', async () => {
  await using on = await operator()
  const { code, err } = await on.say('seed --people 1 --posts 1 --seed 0')
  assert.equal(code, 0, err)
  assert.deepEqual(await on.counts(), [1, 0, 1])
})

function watchedTerminal(isInteractive: boolean, columns = 60): { terminal: Terminal; out: string[]; err: string[] } {
  const out: string[] = []
  const err: string[] = []
  const terminal: Terminal = {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    firstLine: async () => '',
    isClosed: () => false,
    isInteractive,
    columns,
    env: {},
    cwd: '/',
  }
  return { terminal, out, err }
}

test('on a terminal the bar of a stage is one line, redrawn now and then and at the end', () => {
  const { terminal, out } = watchedTerminal(true)
  let nowMs = 0
  const bar = progressBar(terminal, () => nowMs)
  for (let done = 0; done <= 2_000; done += 10) {
    bar('people', done, 2_000)
    nowMs += 1
  }
  bar('follows', 0, 5)
  assert.equal(out.length, 4, out.join('\n'))
  assert.equal(out[0], `people    ${'░'.repeat(30)} 0 of 2,000`)
  assert.equal(out[1], `\u001B[1A\u001B[2Kpeople    ${'█'.repeat(15)}${'░'.repeat(15)} 1,000 of 2,000`)
  assert.equal(out.at(-2), `\u001B[1A\u001B[2Kpeople    ${'█'.repeat(30)} 2,000 of 2,000`)
  assert.equal(out.at(-1), `follows   ${'░'.repeat(30)} 0 of 5`, 'a new stage is a line of its own')
})

test('a bar fits into one line, and a terminal that does not know its width gets the whole', () => {
  const lineOn = (columns: number) => {
    const { terminal, out } = watchedTerminal(true, columns)
    progressBar(terminal, () => 0)('people', 0, 2)
    return out[0]
  }
  const whole = `people    ${'░'.repeat(30)} 0 of 2`
  assert.equal(lineOn(20), whole.slice(0, 19))
  assert.equal(lineOn(0), whole)
})

test('elsewhere there is a line for each quarter, not on the stream of the answer', () => {
  const { terminal, out, err } = watchedTerminal(false)
  const bar = progressBar(terminal, () => 0)
  for (let done = 0; done <= 1_000; done++) bar('people', done, 1_000)
  bar('follows', 0, 0)
  assert.deepEqual(out, [])
  assert.deepEqual(err, [
    'people: 250 of 1,000',
    'people: 500 of 1,000',
    'people: 750 of 1,000',
    'people: 1,000 of 1,000',
    'follows: 0 of 0',
  ])
})
