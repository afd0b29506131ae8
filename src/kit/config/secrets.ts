/** Secrets that nobody has to think of: made at the first start, kept in `<data>/secrets`, one file each, 0600. */
import { createECDH, randomBytes, randomUUID } from 'node:crypto'
import { link, open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { AppError } from '../errors.ts'
import { makeFolder } from '../folders.ts'
import { isPrivate } from './resolve.ts'

const SECRETS_FOLDER = 'secrets'
const SECRET_KEY_BYTES = 64

export type GeneratedSecret = 'SECRET_KEY_BASE' | 'VAPID_PRIVATE_KEY'

const makers: Record<GeneratedSecret, () => string> = {
  SECRET_KEY_BASE: () => randomBytes(SECRET_KEY_BYTES).toString('hex'),
  VAPID_PRIVATE_KEY: () => {
    const pair = createECDH('prime256v1')
    pair.generateKeys()
    // A number may begin with zero bytes, which ECDH leaves out.
    return Buffer.from(pair.getPrivateKey('hex').padStart(64, '0'), 'hex').toString('base64url')
  },
}

export function secretPath(dataDir: string, name: GeneratedSecret): string {
  return join(dataDir, SECRETS_FOLDER, name)
}

/**
 * The secret of that name in `dataDir`, made now if there is none. Of several that make it at once, one wins. Throws
 * `unavailable` where the folder cannot be used: this is the first that a start wants of it.
 */
export async function keptSecret(dataDir: string, name: GeneratedSecret): Promise<string> {
  try {
    return await readOrMake(dataDir, name)
  } catch (error) {
    const cause = error instanceof AppError ? error.cause : error
    if (!(cause instanceof Error && 'code' in cause && 'syscall' in cause)) throw error
    const text = `The data folder ${dataDir} cannot be used (${cause.message}). Name another with --data-dir or DATA_DIR.`
    throw new AppError('unavailable', text, { cause: error })
  }
}

async function readOrMake(dataDir: string, name: GeneratedSecret): Promise<string> {
  const path = secretPath(dataDir, name)
  const kept = await existingSecret(path)
  if (kept !== undefined) return kept
  await makeFolder(dataDir) // not private itself: PostgreSQL's account must pass through it
  await makeFolder(join(dataDir, SECRETS_FOLDER), 0o700)
  return makeSecret(path, makers[name]())
}

/** The public half of a P-256 key pair, uncompressed, as push services want it (RFC 8292). */
export function vapidPublicKey(privateKey: string): string {
  const pair = createECDH('prime256v1')
  pair.setPrivateKey(Buffer.from(privateKey, 'base64url'))
  return pair.getPublicKey('base64url', 'uncompressed')
}

async function existingSecret(path: string): Promise<string | undefined> {
  const file = await stat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return undefined
  if (!isPrivate(file.mode)) throw new AppError('conflict', `${path} may be read by others: chmod 600 ${path}`)
  const text = (await readFile(path, 'utf8')).trim()
  if (text === '')
    throw new AppError('conflict', `${path} is empty: restore it from a backup, or remove it for a new one.`)
  return text
}

/** Writes beside the target and links: the file exists whole, on disk, or not at all. */
async function makeSecret(path: string, secret: string): Promise<string> {
  const draft = `${path}.${randomUUID()}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(`${secret}\n`)
    await file.sync()
    await link(draft, path)
    return secret
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    return (await existingSecret(path)) ?? secret
  } finally {
    await file.close()
    await rm(draft, { force: true })
  }
}
