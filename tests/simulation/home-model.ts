/** What a home shows, said once more and differently from the code under test: from what is committed, by Mastodon's rules. */
import type { AccountId } from '../../src/snowflake/contract.ts'
import type { StatusRecord } from '../../src/status-store/contract.ts'
import type { HomeWorld } from './home-world.ts'

/** Whether the viewer's home shows the status, as things stand. */
export function belongsHome(world: HomeWorld, viewer: AccountId, status: StatusRecord): boolean {
  const { facts, statuses, suspended } = world
  const follows = (target: AccountId) => facts.has('follows', viewer, target)
  const rejects = (target: AccountId) =>
    target !== viewer &&
    (facts.has('blocks', viewer, target) || facts.has('blocks', target, viewer) || facts.has('mutes', viewer, target))
  // Whoever blocks the viewer may still be mentioned by others.
  const hushes = (target: AccountId) =>
    target !== viewer && (facts.has('blocks', viewer, target) || facts.has('mutes', viewer, target))
  const { id, accountId: author, boostOf, inReplyToAccount, visibility, mentions } = status
  if (!statuses.has(id) || suspended.has(author)) return false
  const original = boostOf === null ? undefined : statuses.get(boostOf)
  if (boostOf !== null && (original === undefined || suspended.has(original.accountId))) return false
  if (author === viewer) return original === undefined || !rejects(original.accountId)
  if (!follows(author) || rejects(author)) return false
  if (original !== undefined) return !rejects(original.accountId) && !original.mentions.some(hushes)
  if (mentions.some(hushes)) return false
  if (visibility === 'direct' && !mentions.includes(viewer)) return false
  if (inReplyToAccount === null || inReplyToAccount === viewer || inReplyToAccount === author) return true
  return follows(inReplyToAccount) && !facts.has('mutes', viewer, inReplyToAccount)
}

/** Newest first. */
export function homeOf(world: HomeWorld, viewer: AccountId): StatusRecord[] {
  const shown = [...world.statuses.values()].filter((status) => belongsHome(world, viewer, status))
  return shown.toSorted((a, b) => (a.id < b.id ? 1 : -1))
}
