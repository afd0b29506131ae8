/**
 * The one-time link with which the first owner is made. It is bound to one start of the server, lives 15 minutes, and is
 * dead once an owner exists (which the route asks the store). What the threads share is plain data without the secret.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

export const SETUP_LINK_LIFE_MS = 15 * 60_000

export interface SetupLink {
  /** Hex SHA-256 of the token. */
  tokenHash: string
  /** Milliseconds since 1970. */
  expiresAtMs: number
}

/** The token goes to the console, the rest to whoever serves `/setup`. */
export function createSetupLink(nowMs: number): { token: string; link: SetupLink } {
  const token = randomBytes(32).toString('base64url')
  return { token, link: { tokenHash: hash('sha256', token, 'hex'), expiresAtMs: nowMs + SETUP_LINK_LIFE_MS } }
}

export function opensSetup(link: SetupLink | undefined, token: string, nowMs: number): boolean {
  if (link === undefined || nowMs >= link.expiresAtMs) return false
  const expected = Buffer.from(link.tokenHash, 'hex')
  const given = hash('sha256', token, 'buffer')
  return expected.length === given.length && timingSafeEqual(expected, given)
}
