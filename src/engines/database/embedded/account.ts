/**
 * Whose processes PostgreSQL's are. PostgreSQL refuses to run as root, so a Dunlin started by root runs it as a system
 * user of its own; otherwise it runs as whoever started Dunlin.
 */
import { execFile } from 'node:child_process'
import { readFile, realpath, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

import { AppError } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'

export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
  /** True when Dunlin is root and has to become this account to start PostgreSQL. */
  readonly switched: boolean
}

const SERVICE_ACCOUNT = 'dunlin'
/** Taken when no account can be created, in this order; every Linux has the last one. */
const EXISTING_ACCOUNTS = ['postgres', 'nobody']

const run = promisify(execFile)

/** The account for a cluster in `clusterDir`: its owner when it exists, so that data never change hands. */
export async function postgresAccount(clusterDir: string, log: Log): Promise<Account> {
  if (process.getuid?.() !== 0) return ownAccount()
  const ownerUid = await ownerOf(clusterDir)
  const owner = ownerUid === undefined || ownerUid === 0 ? undefined : await findAccount(`${ownerUid}`)
  return owner ?? (await findAccount(SERVICE_ACCOUNT)) ?? (await createAccount(log)) ?? (await existingAccount(log))
}

/** `spawn` options that make a child run as `account`. */
export function asAccount(account: Account): { uid?: number; gid?: number } {
  return account.switched ? { uid: account.uid, gid: account.gid } : {}
}

/**
 * True when `account` may read `path` (a file) or enter it (a folder), by the permission bits of it and of every folder
 * above. Access control lists are not looked at; PostgreSQL itself has the last word.
 */
export async function canReach(path: string, account: Account): Promise<boolean> {
  if (!account.switched) return true
  try {
    for (let place = await realpath(path); ; place = dirname(place)) {
      const file = await stat(place)
      if (!permits(file, account, file.isDirectory() ? 0o1 : 0o4)) return false
      if (place === dirname(place)) return true
    }
  } catch {
    return false
  }
}

function permits(file: { mode: number; uid: number; gid: number }, account: Account, bit: number): boolean {
  const shift = file.uid === account.uid ? 6 : file.gid === account.gid ? 3 : 0
  return ((file.mode >> shift) & bit) === bit
}

function ownAccount(): Account {
  try {
    const { username, uid, gid } = userInfo()
    return { name: username, uid, gid, switched: false }
  } catch (cause) {
    throw new AppError(
      'conflict',
      `The user id ${process.getuid?.()} has no name on this system, and PostgreSQL needs one. ` +
        'Add it to /etc/passwd, start Dunlin as root or as another user, or set DATABASE_URL.',
      { cause },
    )
  }
}

async function ownerOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ uid }) => uid,
    () => undefined,
  )
}

/** By name or by number, from /etc/passwd: the accounts that we look for are local ones. */
async function findAccount(nameOrUid: string): Promise<Account | undefined> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n')
  for (const line of lines) {
    const [name, , uid, gid] = line.split(':')
    if (name === undefined || uid === undefined || gid === undefined) continue
    if (name === nameOrUid || uid === nameOrUid) return { name, uid: Number(uid), gid: Number(gid), switched: true }
  }
  return undefined
}

async function createAccount(log: Log): Promise<Account | undefined> {
  const attempts: [string, string[]][] = [
    ['useradd', ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent']],
    ['adduser', ['-S', '-D', '-H', '-h', '/nonexistent']], // BusyBox
  ]
  for (const [command, flags] of attempts) {
    try {
      await run(command, [...flags, SERVICE_ACCOUNT])
    } catch (error) {
      // Another Dunlin may have been faster; the look-up below says whether the account is there.
      log.debug({ event: 'postgres.account_failed', command, err: error })
    }
    const account = await findAccount(SERVICE_ACCOUNT)
    if (account === undefined) continue
    log.info(
      { event: 'postgres.account_created', account: account.name },
      'PostgreSQL runs as a system user of its own',
    )
    return account
  }
  return undefined
}

async function existingAccount(log: Log): Promise<Account> {
  for (const name of EXISTING_ACCOUNTS) {
    const account = await findAccount(name)
    if (account === undefined) continue
    log.warn({ event: 'postgres.account_borrowed', account: name }, 'no system user could be created for PostgreSQL')
    return account
  }
  throw new AppError(
    'conflict',
    'PostgreSQL refuses to run as root and no system user could be created. ' +
      'Start Dunlin as an ordinary user, create a user called dunlin, or set DATABASE_URL.',
  )
}
