/** A whole server with its home timelines in Redis: Redis goes, homes go on from PostgreSQL; it comes back, and so do they. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { join as joinServer, type Person } from '../world/people.ts'
import { startRedis, until } from '../world/redis.ts'
import { startServer } from '../world/server.ts'

const MS_MAX = 120_000

async function post(person: Person, text: string): Promise<void> {
  const { status } = await person.call('POST', '/api/v1/statuses', { status: text })
  assert.equal(status, 200)
}

/** The texts of a home, newest first. */
async function home(person: Person): Promise<string[]> {
  const { status, body } = await person.call('GET', '/api/v1/timelines/home')
  assert.equal(status, 200)
  assert.ok(Array.isArray(body))
  return body.map((one: { content: string }) => one.content.replaceAll(/<[^>]*>/g, ''))
}

test('homes go on from PostgreSQL while Redis is gone, and are in Redis again when it is back', async () => {
  await using redis = await startRedis()
  await using server = await startServer({ env: { TIMELINE_CACHE: 'redis', REDIS_URL: redis.url } })
  const alice = await joinServer(server.url, 'alice')
  const ben = await joinServer(server.url, 'ben')
  const timelines = async () => Number(await redis.run('DBSIZE'))
  const shows = (texts: string[]) =>
    until(`ben’s home shows ${texts.join(', ')}`, MS_MAX, async () => (await home(ben)).join() === texts.join())

  assert.equal((await ben.call('POST', `/api/v1/accounts/${alice.id}/follow`)).status, 200)
  await shows([])
  await post(alice, 'one')
  await shows(['one'])
  assert.ok((await timelines()) > 0, 'it is Redis that has the timelines')

  await redis.kill()
  await post(alice, 'two')
  await shows(['two', 'one'])
  await post(alice, 'three')
  await shows(['three', 'two', 'one'])
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200, 'it is ready for requests all the time')

  await redis.restart()
  await post(alice, 'four')
  await shows(['four', 'three', 'two', 'one'])
  await until(
    'timelines are in Redis again',
    MS_MAX,
    async () => (await home(ben)).length === 4 && (await timelines()) > 0,
  )
  await post(alice, 'five')
  await shows(['five', 'four', 'three', 'two', 'one'])
  assert.doesNotMatch(server.output(), /request\.failed/)
})
