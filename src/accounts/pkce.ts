/** Proof Key for Code Exchange (RFC 7636), method S256 only: `plain` protects against nothing that S256 does not. */
import { hash, timingSafeEqual } from 'node:crypto'

/** base64url of 32 bytes. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/

export function isCodeChallenge(text: string): boolean {
  return CHALLENGE.test(text)
}

/**
 * Whether the verifier is the one the challenge was made of. A verifier without a challenge is refused as well: it shows
 * that somebody took the challenge out of the authorization request (a downgrade, RFC 9700 §4.8).
 */
export function provesPossession(codeChallenge: string | null, codeVerifier: string | null): boolean {
  if (codeChallenge === null || codeVerifier === null) return codeChallenge === codeVerifier
  if (!VERIFIER.test(codeVerifier)) return false
  const expected = Buffer.from(codeChallenge)
  const given = Buffer.from(hash('sha256', codeVerifier, 'base64url'))
  return expected.length === given.length && timingSafeEqual(expected, given)
}
