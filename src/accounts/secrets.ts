/**
 * Bearer secrets: 256 random bits as base64url without padding, which is also what `Sec-WebSocket-Protocol` can carry.
 * Only SHA-256 is stored: with that much randomness a slow hash adds nothing.
 */
import { hash, randomBytes } from 'node:crypto'

const SECRET_BYTES = 32
const SECRET_FORM = /^[A-Za-z0-9_-]{43}$/

export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

/** False for what cannot be one of ours, so that nobody asks the database about a megabyte of junk. */
export function isSecret(text: string): boolean {
  return SECRET_FORM.test(text)
}

export function secretHash(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

export function secretHashHex(secret: string): string {
  return hash('sha256', secret, 'hex')
}
