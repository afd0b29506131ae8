/**
 * From the 200 of a post to the moment it is found: over HTTP, on a server as a user starts it. Each post has a word of its
 * own; as soon as its 200 is read, another person searches for the word again and again on a connection that stays open. The
 * time is that of the 200 to the answer which has the post, so that it holds one search at least. Beside it, in turns, the
 * same search for a post that is there already: what asking costs by itself.
 */
import assert from 'node:assert/strict'

import { join, type Person } from '../tests/world/people.ts'
import { startServer } from '../tests/world/server.ts'
import { percentile, rounded, type BenchOptions, type BenchResult } from './report.ts'

const PATIENCE_MS = 10_000
const WARM_UP = 20

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const posts = quick ? 150 : 1_000
  await using server = await startServer({ embedded: true })
  const writer = await join(server.url, 'writer')
  const reader = await join(server.url, 'reader')
  await writer.call('PATCH', '/api/v1/accounts/update_credentials', { indexable: true })
  const freshMs: number[] = []
  const searchMs: number[] = []
  let searches = 0
  for (let n = 0; n < posts + WARM_UP; n += 1) {
    const word = `fresh${n}x`
    const answer = await writer.call('POST', '/api/v1/statuses', {
      status: `A word of its own: ${word}`,
      language: 'en',
    })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    const answeredMs = performance.now()
    while (!(await isFound(reader, word))) {
      searches += 1
      assert.ok(performance.now() - answeredMs < PATIENCE_MS, `${word} is not found`)
    }
    const foundMs = performance.now()
    await isFound(reader, word)
    if (n < WARM_UP) continue
    freshMs.push(foundMs - answeredMs)
    searchMs.push(performance.now() - foundMs)
  }
  const row = (measured: string, times: readonly number[]) => ({
    measured,
    'p50 ms': rounded(percentile(times, 0.5)),
    'p99 ms': rounded(percentile(times, 0.99)),
  })
  return {
    rows: [row('200 of the post → found', freshMs), row('one search', searchMs)],
    summary: {
      bench: 'freshness',
      p50Ms: rounded(percentile(freshMs, 0.5)),
      p99Ms: rounded(percentile(freshMs, 0.99)),
      searchP50Ms: rounded(percentile(searchMs, 0.5)),
      posts,
      searchesInVain: searches,
    },
  }
}

async function isFound(reader: Person, word: string): Promise<boolean> {
  const { status, body } = await reader.call('GET', `/api/v2/search?type=statuses&q=${word}`)
  assert.equal(status, 200, JSON.stringify(body))
  return (body as { statuses: unknown[] }).statuses.length > 0
}
