/**
 * Argon2id with OWASP's minimum (19 MiB, 2 passes, 1 lane), stored as a PHC string so that the figures can rise later.
 *
 * One hash takes about 50 ms of a core and 19 MiB. Without a bound a few hundred sign-ins a second would starve the
 * process, so at most `concurrency` run at once, a bounded queue waits, and beyond that callers are told to come again.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'

import { AppError } from '../kit/errors.ts'

/** KiB of memory, passes, lanes. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 }
const SALT_BYTES = 16
const TAG_BYTES = 32

const HASHES_CONCURRENT_MAX = 2
export const HASHES_QUEUED_MAX = 64
const RETRY_AFTER_SECONDS = 5

/** Memory of a foreign hash above which checking it would be an attack on us, in KiB. */
const FOREIGN_MEMORY_MAX = 262_144
const FOREIGN_PASSES_MAX = 10

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

interface Cost {
  memory: number
  passes: number
  parallelism: number
}

export class PasswordHasher {
  readonly #concurrency: number
  readonly #waiting: (() => void)[] = []
  #running = 0
  /** The hash of nothing anyone knows: unknown people are checked against it, so that they take as long as known ones. */
  #nobody: Promise<string> | undefined

  constructor(concurrency: number = HASHES_CONCURRENT_MAX) {
    this.#concurrency = Math.min(Math.max(1, concurrency), HASHES_CONCURRENT_MAX)
  }

  /** The PHC string of the password. Throws `unavailable` when too many are waiting. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES)
    const tag = await this.#derive(password, salt, COST, TAG_BYTES)
    const { memory, passes, parallelism } = COST
    return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`
  }

  /** Whether the password fits; `stored` null costs the same time and never fits. */
  async verify(password: string, stored: string | null): Promise<boolean> {
    const parsed = parsePhc(stored ?? (await this.#nobodysHash()))
    if (parsed === undefined) return false
    const tag = await this.#derive(password, parsed.salt, parsed.cost, parsed.tag.length)
    return timingSafeEqual(tag, parsed.tag) && stored !== null
  }

  /** True when the string was made with other figures than today's. */
  isOutdated(stored: string): boolean {
    const cost = parsePhc(stored)?.cost
    return cost?.memory !== COST.memory || cost.passes !== COST.passes || cost.parallelism !== COST.parallelism
  }

  #nobodysHash(): Promise<string> {
    // A failed try (a full queue) must not be remembered.
    this.#nobody ??= this.hash(randomBytes(TAG_BYTES).toString('hex')).catch((error: unknown) => {
      this.#nobody = undefined
      throw error
    })
    return this.#nobody
  }

  async #derive(password: string, salt: Buffer, cost: Cost, tagLength: number): Promise<Buffer> {
    await this.#enter()
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        const parameters = { message: password.normalize('NFKC'), nonce: salt, tagLength, ...cost }
        argon2('argon2id', parameters, (error, tag) => (error === null ? resolve(tag) : reject(error)))
      })
    } finally {
      this.#leave()
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#concurrency) {
      this.#running += 1
      return
    }
    if (this.#waiting.length >= HASHES_QUEUED_MAX) {
      throw new AppError('unavailable', 'Too many people are signing in at the moment, please try again', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      })
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running -= 1
    else next() // the place is handed over
  }
}

function parsePhc(stored: string): { cost: Cost; salt: Buffer; tag: Buffer } | undefined {
  const match = PHC.exec(stored)
  if (match === null) return undefined
  const [, memory, passes, parallelism, salt = '', tag = ''] = match
  const cost = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }
  if (cost.memory > FOREIGN_MEMORY_MAX || cost.passes > FOREIGN_PASSES_MAX) return undefined
  return { cost, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') }
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
