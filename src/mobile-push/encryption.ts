/**
 * Messages that only the subscriber can read (RFC 8291), in both encodings: `aes128gcm` (RFC 8188), and `aesgcm` of the
 * drafts before it, for clients that have not asked for the standard. Node's own crypto: per message one key pair, one
 * agreement, and some hashes.
 */
import { createCipheriv, createECDH, createHmac, randomBytes } from 'node:crypto'

/** Of an uncompressed P-256 point, and of the secret that browsers and phones make with it. */
export const PUBLIC_KEY_BYTES = 65
export const AUTH_BYTES = 16
const SALT_BYTES = 16
const KEY_BYTES = 16
const NONCE_BYTES = 12
const RECORD_BYTES = 4_096
/** What push services must take is 4,096 bytes: less the header, the tag and the byte that ends the text. */
export const MESSAGE_BYTES_MAX = RECORD_BYTES - 86 - 16 - 1

export interface Receiver {
  publicKey: Buffer
  auth: Buffer
}

/** What must never be used twice; given by tests alone. */
export interface Ephemeral {
  salt: Buffer
  privateKey: Buffer
}

export interface Encrypted {
  body: Buffer
  headers: Record<string, string>
}

/** RFC 8291, one record: salt, record size, the sender's key, and the text. */
export function encryptStandard(message: Buffer, receiver: Receiver, ephemeral?: Ephemeral): Encrypted {
  const { salt, publicKey, shared } = agree(receiver, ephemeral)
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), receiver.publicKey, publicKey])
  const secret = hkdf(receiver.auth, shared, info, 32)
  const key = hkdf(salt, secret, Buffer.from('Content-Encoding: aes128gcm\0'), KEY_BYTES)
  const nonce = hkdf(salt, secret, Buffer.from('Content-Encoding: nonce\0'), NONCE_BYTES)
  const header = Buffer.alloc(SALT_BYTES + 5)
  salt.copy(header)
  header.writeUInt32BE(RECORD_BYTES, SALT_BYTES)
  header.writeUInt8(publicKey.length, SALT_BYTES + 4)
  const body = Buffer.concat([header, publicKey, ...sealed(key, nonce, [message, Buffer.of(2)])])
  return { body, headers: { 'content-encoding': 'aes128gcm' } }
}

/** draft-ietf-webpush-encryption-04: salt and key travel as headers, the padding's length goes first. */
export function encryptLegacy(message: Buffer, receiver: Receiver, ephemeral?: Ephemeral): Encrypted {
  const { salt, publicKey, shared } = agree(receiver, ephemeral)
  const secret = hkdf(receiver.auth, shared, Buffer.from('Content-Encoding: auth\0'), 32)
  const context = Buffer.concat([Buffer.from('P-256\0'), sized(receiver.publicKey), sized(publicKey)])
  const info = (name: string) => Buffer.concat([Buffer.from(`Content-Encoding: ${name}\0`), context])
  const key = hkdf(salt, secret, info('aesgcm'), KEY_BYTES)
  const nonce = hkdf(salt, secret, info('nonce'), NONCE_BYTES)
  const headers = {
    'content-encoding': 'aesgcm',
    encryption: `salt=${salt.toString('base64url')}`,
    'crypto-key': `dh=${publicKey.toString('base64url')}`,
  }
  return { body: Buffer.concat(sealed(key, nonce, [Buffer.alloc(2), message])), headers }
}

/** Whether it is a point of the curve: only such a key can be agreed with. */
export function isPublicKey(bytes: Buffer): boolean {
  if (bytes.length !== PUBLIC_KEY_BYTES || bytes[0] !== 4) return false
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  try {
    pair.computeSecret(bytes)
    return true
  } catch {
    return false
  }
}

function agree(receiver: Receiver, ephemeral: Ephemeral | undefined) {
  const pair = createECDH('prime256v1')
  if (ephemeral === undefined) pair.generateKeys()
  else pair.setPrivateKey(ephemeral.privateKey)
  return {
    salt: ephemeral?.salt ?? randomBytes(SALT_BYTES),
    publicKey: pair.getPublicKey(),
    shared: pair.computeSecret(receiver.publicKey),
  }
}

/** HKDF (RFC 5869) with SHA-256, at most one block. */
function hkdf(salt: Buffer, key: Buffer, info: Buffer, bytes: number): Buffer {
  const extracted = createHmac('sha256', salt).update(key).digest()
  return createHmac('sha256', extracted).update(info).update(Buffer.of(1)).digest().subarray(0, bytes)
}

function sealed(key: Buffer, nonce: Buffer, parts: readonly Buffer[]): Buffer[] {
  const cipher = createCipheriv('aes-128-gcm', key, nonce)
  return [...parts.map((part) => cipher.update(part)), cipher.final(), cipher.getAuthTag()]
}

function sized(key: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(key.length)
  return Buffer.concat([length, key])
}
