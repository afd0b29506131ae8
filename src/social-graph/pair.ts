/**
 * The rules of the graph, pure: what two accounts are to each other, and what becomes of it when one of them acts.
 * `out` is the edge from who acts to the other, `back` the edge from the other.
 */
import type { GraphChange } from '../events/contract.ts'
import { AppError, notFound } from '../kit/errors.ts'
import type { FollowOptions } from './contract.ts'

export interface Follow {
  readonly showBoosts: boolean
  readonly notify: boolean
  /** Null for all. */
  readonly languages: readonly string[] | null
}

export interface Mute {
  readonly notifications: boolean
  /** Null: until unmuted. */
  readonly expiresAtMs: number | null
}

/** All that one account has decided about another. */
export interface Edge {
  readonly follow: Follow | null
  readonly request: Follow | null
  readonly blocked: boolean
  readonly mute: Mute | null
  readonly endorsed: boolean
}

export interface Pair {
  readonly out: Edge
  readonly back: Edge
}

/** What happened to which edge, in order. */
interface PairChange {
  readonly edge: 'out' | 'back'
  readonly change: GraphChange
}

export interface Step {
  readonly pair: Pair
  readonly changes: readonly PairChange[]
}

/** What an account does to another; throws AppError where it may not. */
export type Act = (pair: Pair) => Step

export const NO_EDGE: Edge = Object.freeze({ follow: null, request: null, blocked: false, mute: null, endorsed: false })
export const PLAIN_FOLLOW: Follow = Object.freeze({ showBoosts: true, notify: false, languages: null })

export function notAllowed(): AppError {
  return new AppError('forbidden', 'This action is not allowed')
}

export function follow(locked: boolean, options: FollowOptions): Act {
  return (pair) => {
    const { out, back } = pair
    if (out.blocked || back.blocked) throw notAllowed()
    const wanted = withOptions(out.follow ?? out.request ?? PLAIN_FOLLOW, options)
    if (out.follow !== null) {
      if (sameFollow(out.follow, wanted)) return nothing(pair)
      return step({ ...pair, out: { ...out, follow: wanted } }, ['out', 'follow_changed'])
    }
    if (!locked) return step({ ...pair, out: { ...out, follow: wanted, request: null } }, ['out', 'followed'])
    if (out.request !== null && sameFollow(out.request, wanted)) return nothing(pair)
    const change = out.request === null ? 'requested' : 'follow_changed'
    return step({ ...pair, out: { ...out, request: wanted } }, ['out', change])
  }
}

/** Ends the follow, or withdraws the request. */
export function unfollow(pair: Pair): Step {
  const ended = endFollow(pair, 'out')
  return ended.changes.length > 0 ? ended : endRequest(pair, 'out', 'request_withdrawn')
}

export function removeFollower(pair: Pair): Step {
  return endFollow(pair, 'back')
}

/** Accepts the other's request. */
export function acceptRequest(pair: Pair): Step {
  const { back } = pair
  if (back.request === null) throw notFound()
  return step({ ...pair, back: { ...back, follow: back.request, request: null } }, ['back', 'request_accepted'])
}

export function rejectRequest(pair: Pair): Step {
  if (pair.back.request === null) throw notFound()
  return endRequest(pair, 'back', 'request_rejected')
}

/** Nothing of a follow is left in either direction. */
export function block(pair: Pair): Step {
  if (pair.out.blocked) return nothing(pair)
  const acts: Act[] = [
    (before) => endFollow(before, 'out'),
    (before) => endFollow(before, 'back'),
    (before) => endRequest(before, 'out', 'request_withdrawn'),
    (before) => endRequest(before, 'back', 'request_rejected'),
    (before) => step({ ...before, out: { ...before.out, blocked: true } }, ['out', 'blocked']),
  ]
  return acts.reduce<Step>((done, act) => {
    const next = act(done.pair)
    return { pair: next.pair, changes: [...done.changes, ...next.changes] }
  }, nothing(pair))
}

export function unblock(pair: Pair): Step {
  if (!pair.out.blocked) return nothing(pair)
  return step({ ...pair, out: { ...pair.out, blocked: false } }, ['out', 'unblocked'])
}

export function mute(wanted: Mute): Act {
  return (pair) => {
    const before = pair.out.mute
    const same = before?.notifications === wanted.notifications && before.expiresAtMs === wanted.expiresAtMs
    if (same) return nothing(pair)
    return step({ ...pair, out: { ...pair.out, mute: wanted } }, ['out', 'muted'])
  }
}

export function unmute(pair: Pair): Step {
  if (pair.out.mute === null) return nothing(pair)
  return step({ ...pair, out: { ...pair.out, mute: null } }, ['out', 'unmuted'])
}

/** Ends a mute whose time is over: it may have been renewed since somebody looked. */
export function lapse(nowMs: number): Act {
  return (pair) => (hasLapsed(pair.out.mute, nowMs) ? unmute(pair) : nothing(pair))
}

export function endorse(pair: Pair): Step {
  if (pair.out.endorsed) return nothing(pair)
  if (pair.out.follow === null) {
    throw new AppError('invalid', 'Validation failed: You must be already following the person you want to endorse')
  }
  return step({ ...pair, out: { ...pair.out, endorsed: true } }, ['out', 'endorsed'])
}

export function unendorse(pair: Pair): Step {
  if (!pair.out.endorsed) return nothing(pair)
  return step({ ...pair, out: { ...pair.out, endorsed: false } }, ['out', 'unendorsed'])
}

export function hasLapsed(muted: Mute | null, nowMs: number): boolean {
  return muted !== null && muted.expiresAtMs !== null && muted.expiresAtMs <= nowMs
}

export function sameFollow(a: Follow, b: Follow): boolean {
  return a.showBoosts === b.showBoosts && a.notify === b.notify && sameLanguages(a.languages, b.languages)
}

function sameLanguages(a: Follow['languages'], b: Follow['languages']): boolean {
  if (a === null || b === null) return a === b
  return a.length === b.length && a.every((language, index) => language === b[index])
}

function withOptions(before: Follow, options: FollowOptions): Follow {
  return {
    showBoosts: options.showBoosts ?? before.showBoosts,
    notify: options.notify ?? before.notify,
    languages: options.languages === undefined ? before.languages : options.languages,
  }
}

/** One endorses only whom one follows, so the endorsement ends too. */
function endFollow(pair: Pair, edge: 'out' | 'back'): Step {
  const before = pair[edge]
  if (before.follow === null) return nothing(pair)
  const after: Pair = { ...pair, [edge]: { ...before, follow: null, endorsed: false } }
  return before.endorsed ? step(after, [edge, 'unendorsed'], [edge, 'unfollowed']) : step(after, [edge, 'unfollowed'])
}

function endRequest(pair: Pair, edge: 'out' | 'back', change: GraphChange): Step {
  const before = pair[edge]
  if (before.request === null) return nothing(pair)
  return step({ ...pair, [edge]: { ...before, request: null } }, [edge, change])
}

function nothing(pair: Pair): Step {
  return { pair, changes: [] }
}

function step(pair: Pair, ...changes: ['out' | 'back', GraphChange][]): Step {
  return { pair, changes: changes.map(([edge, change]) => ({ edge, change })) }
}
