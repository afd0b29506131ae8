import assert from 'node:assert/strict'
import { test } from 'node:test'

import { planWorld } from '../../src/seed/world.ts'

const size = { people: 300, posts: 4_000, seed: 7, endMs: Date.UTC(2026, 0, 1) }

test('the same seed makes the same world, another seed another one', () => {
  assert.deepEqual(planWorld(size), planWorld(size))
  assert.notDeepEqual(planWorld(size).posts[0], planWorld({ ...size, seed: 8 }).posts[0])
})

test('followers fall off as a power of rank below one celebrity', () => {
  const followers = Array.from({ length: size.people }, () => 0)
  for (const [, followed] of planWorld(size).follows) followers[followed] = (followers[followed] ?? 0) + 1
  assert.ok((followers[0] ?? 0) > size.people / 2, 'most people follow the celebrity')
  const top = followers.slice(1, 31).reduce((sum, count) => sum + count, 0)
  const bottom = followers.slice(-30).reduce((sum, count) => sum + count, 0)
  assert.ok(top > 3 * bottom, `the top tenth has ${top} followers, the bottom tenth ${bottom}`)
})

test('nobody follows themselves or anyone twice', () => {
  const pairs = planWorld(size).follows.map(([follower, followed]) => {
    assert.notEqual(follower, followed)
    return `${follower} ${followed}`
  })
  assert.equal(new Set(pairs).size, pairs.length)
})

test('replies and boosts point to earlier, open statuses, and nobody boosts a status twice', () => {
  const { posts } = planWorld(size)
  const boosts = new Set<string>()
  for (const [index, post] of posts.entries()) {
    const target = post.kind === 'boost' ? post.of : post.inReplyTo
    if (target === null) continue
    const earlier = posts[target]
    assert.ok(target < index && earlier?.kind === 'status' && earlier.visibility !== 'private')
    if (post.kind !== 'boost') continue
    assert.ok(!boosts.has(`${post.author} ${post.of}`))
    boosts.add(`${post.author} ${post.of}`)
  }
  assert.ok(boosts.size > 300, `${boosts.size} boosts`)
})

test('time goes forward and ends before the end of the world', () => {
  const times = planWorld(size).posts.map((post) => post.atMs)
  assert.ok(times.every((ms, index) => index === 0 || ms > (times[index - 1] ?? 0)))
  assert.ok((times.at(-1) ?? 0) <= size.endMs)
})

test('at least six languages are written', () => {
  const languages = new Set(planWorld(size).posts.flatMap((post) => (post.kind === 'status' ? [post.language] : [])))
  assert.ok(languages.size >= 6, [...languages].join(' '))
})
