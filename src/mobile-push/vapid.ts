/** Who sends (RFC 8292): a signed token for each push service, kept for some hours, because signing costs. */
import { createPrivateKey, sign, type KeyObject } from 'node:crypto'

import type { Clock } from '../kit/clock.ts'

/** The RFC allows a day; services whose clock is wrong by some hours should still agree. */
const TOKEN_MS = 12 * 3_600_000
/** A token that ends this soon is not used any more. */
const SPARE_MS = 3_600_000
/** Push services are few; people may name any number of addresses. */
const TOKENS_MAX = 1_000

export interface VapidKeys {
  /** Both base64url: the uncompressed point, and the number. */
  publicKey: string
  privateKey: string
}

export interface VapidOptions {
  keys: VapidKeys
  /** `mailto:` or https: where a push service complains. */
  subject: string
  clock: Clock
}

export class Vapid {
  readonly publicKey: string
  readonly #key: KeyObject
  readonly #options: VapidOptions
  readonly #tokens = new Map<string, { token: string; endsMs: number }>()

  constructor(options: VapidOptions) {
    this.#options = options
    this.publicKey = options.keys.publicKey
    const point = Buffer.from(options.keys.publicKey, 'base64url')
    const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
    const jwk = { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '', d: options.keys.privateKey }
    this.#key = createPrivateKey({ key: jwk, format: 'jwk' })
  }

  /** The headers that say who sends to this address; the form before the RFC has the key beside the one of the text. */
  headers(endpoint: URL, standard: boolean, cryptoKey?: string): Record<string, string> {
    const token = this.#tokenFor(endpoint.origin)
    if (standard) return { authorization: `vapid t=${token}, k=${this.publicKey}` }
    return { authorization: `WebPush ${token}`, 'crypto-key': `${cryptoKey};p256ecdsa=${this.publicKey}` }
  }

  #tokenFor(audience: string): string {
    const nowMs = this.#options.clock.nowMs()
    const known = this.#tokens.get(audience)
    // A token made before the clock was set back may be for too long.
    if (known !== undefined && known.endsMs > nowMs + SPARE_MS && known.endsMs <= nowMs + TOKEN_MS) return known.token
    const endsMs = nowMs + TOKEN_MS
    const token = this.#signed({ aud: audience, exp: Math.floor(endsMs / 1_000), sub: this.#options.subject })
    if (this.#tokens.size >= TOKENS_MAX) this.#tokens.clear()
    this.#tokens.set(audience, { token, endsMs })
    return token
  }

  /** JWS with ES256 (RFC 7515, 7518). */
  #signed(claims: object): string {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const text = `${encode({ typ: 'JWT', alg: 'ES256' })}.${encode(claims)}`
    const signature = sign('sha256', Buffer.from(text), { key: this.#key, dsaEncoding: 'ieee-p1363' })
    return `${text}.${signature.toString('base64url')}`
  }
}
