/**
 * The cluster on disk:
 *
 *     data/postgres/            the home, 0700, of the account that runs PostgreSQL
 *       18/                     PostgreSQL's own data folder, named by its major version
 *       run/                    the Unix socket
 *       local.conf              the operator's settings, if any
 *
 * When that account cannot reach the data folder (root's clone under /root), the home lies under /var/lib/dunlin and
 * `data/postgres` is a symbolic link to it.
 */
import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { AppError } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import { asAccount, canReach, type Account } from './account.ts'
import { makeSystemFolder, SYSTEM_FOLDER, type Binaries } from './binaries.ts'
import { DATABASE_NAME } from './cluster-settings.ts'

/** A socket's path is at most 107 bytes on Linux and 103 on macOS, its own name `/.s.PGSQL.5432` included. */
const SOCKET_PATH_BYTES_MAX = 103
const SOCKET_NAME = '/.s.PGSQL.5432'
const INITDB_MS_MAX = 120_000
/** Where initdb works; a folder of this name is one that was interrupted, or another process's in a shared place. */
const DRAFT = 'new-cluster-'

const run = promisify(execFile)

/** `data/postgres`: the home, or the link to it. */
export function homePath(dataDir: string): string {
  return join(dataDir, 'postgres')
}

/** Makes the home of `dataDir` where `account` can reach it. Returns its real path. */
export async function prepareHome(dataDir: string, account: Account, log: Log): Promise<string> {
  const path = homePath(dataDir)
  const existing = await realpath(path).catch(() => undefined)
  if (existing !== undefined) return usableHome(existing, account)
  if (await isPassable(await realpath(dataDir), account, log)) {
    await mkdir(path, { mode: 0o700 })
    return giveTo(account, path)
  }
  await makeSystemFolder()
  const elsewhere = await giveTo(account, await mkdtemp(join(SYSTEM_FOLDER, 'postgres-')))
  await rm(path, { force: true }) // a link to a home that is gone
  await symlink(elsewhere, path)
  log.info({ event: 'postgres.home_elsewhere', home: elsewhere }, `${account.name} cannot reach ${dataDir}`)
  return elsewhere
}

/** The data folder of `home` for this major version, made by initdb when there is none. */
export async function prepareCluster(home: string, binaries: Binaries, account: Account, log: Log): Promise<string> {
  const clusterDir = join(home, `${binaries.major}`)
  await removeDrafts(home)
  if (await isCluster(clusterDir)) return clusterDir
  await refuseOtherVersion(home, binaries.major)
  const startedMs = performance.now()
  await initialise(clusterDir, binaries, account)
  log.info({ event: 'postgres.initialised', clusterDir, ms: Math.round(performance.now() - startedMs) })
  return clusterDir
}

/** A private folder for the socket, short enough for a socket's path. */
export async function prepareSocketDir(home: string, account: Account): Promise<string> {
  const preferred = join(home, 'run')
  if (Buffer.byteLength(preferred + SOCKET_NAME) <= SOCKET_PATH_BYTES_MAX) {
    await mkdir(preferred, { recursive: true, mode: 0o700 })
    return giveTo(account, preferred)
  }
  return giveTo(account, await mkdtemp(join(tmpdir(), 'dunlin-')))
}

export async function isCluster(clusterDir: string): Promise<boolean> {
  return readFile(join(clusterDir, 'PG_VERSION')).then(
    () => true,
    () => false,
  )
}

/** Runs initdb in a folder beside `clusterDir` and renames it: a cluster that exists is a whole one. */
export async function initialise(
  clusterDir: string,
  binaries: Binaries,
  account: Account,
  extraFlags: readonly string[] = [],
): Promise<void> {
  const draft = await giveTo(account, await mkdtemp(join(dirname(clusterDir), DRAFT)))
  const flags = [
    `--pgdata=${draft}`,
    `--username=${DATABASE_NAME}`,
    '--encoding=UTF8',
    // Sorted by code point whatever the machine's libraries: an index made on one stays right on another.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--data-checksums',
    '--auth=peer',
    '--no-instructions',
    ...extraFlags,
  ]
  try {
    // Its working folder must be one that the account can enter.
    await run(binaries.initdb, flags, { ...asAccount(account), cwd: draft, env: {}, timeout: INITDB_MS_MAX })
    await rename(draft, clusterDir)
  } catch (cause) {
    await rm(draft, { recursive: true, force: true })
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : String(cause)
    throw new AppError('unavailable', `PostgreSQL's initdb failed in ${dirname(clusterDir)}: ${said}`, { cause })
  }
}

/** Makes `folder` the account's own and closes it to all others. Returns its real path. */
export async function giveTo(account: Account, folder: string): Promise<string> {
  await chmod(folder, 0o700)
  if (account.switched) await chown(folder, account.uid, account.gid)
  return realpath(folder)
}

/**
 * Whether `account` may pass through the data folder. Where that folder alone is closed, it is opened for passing: what
 * is private in it has folders of its own that stay closed.
 */
async function isPassable(dataDir: string, account: Account, log: Log): Promise<boolean> {
  if (await canReach(dataDir, account)) return true
  const { uid, mode } = await stat(dataDir)
  if (uid !== process.getuid?.() || !(await canReach(dirname(dataDir), account))) return false
  await chmod(dataDir, (mode & 0o7777) | 0o011)
  log.info(
    { event: 'postgres.data_folder_opened', dataDir },
    `${account.name} may pass through the data folder (chmod +x)`,
  )
  return true
}

async function usableHome(home: string, account: Account): Promise<string> {
  const { uid } = await stat(home)
  if (uid === 0 && account.switched) return giveTo(account, home) // interrupted right after it was made
  if (uid !== account.uid) {
    throw new AppError(
      'conflict',
      `${home} belongs to user id ${uid}, but PostgreSQL would run as ${account.name} (${account.uid}). ` +
        `Start Dunlin as before (as root, if it was root), or give it over: chown -R ${account.name} ${home}`,
    )
  }
  if (await canReach(home, account)) return home
  throw new AppError(
    'conflict',
    `${account.name} can no longer reach ${home}. Open the folders above it (chmod a+x), ` +
      `or move it to ${SYSTEM_FOLDER} and leave a symbolic link in its place.`,
  )
}

/**
 * What an initdb that was interrupted has left. Nobody else works in a home, whose lock is ours, except that very initdb
 * if it outlived its parent: then a later start removes it.
 */
async function removeDrafts(home: string): Promise<void> {
  const drafts = (await readdir(home)).filter((name) => name.startsWith(DRAFT))
  for (const draft of drafts) await rm(join(home, draft), { recursive: true, force: true }).catch(() => undefined)
}

async function refuseOtherVersion(home: string, major: number): Promise<void> {
  for (const name of await readdir(home)) {
    if (!/^\d+$/.test(name) || !(await isCluster(join(home, name)))) continue
    throw new AppError(
      'conflict',
      `${join(home, name)} holds data of PostgreSQL ${name}, and this Dunlin brings PostgreSQL ${major}. ` +
        'Start the Dunlin that wrote them, or restore a backup into an empty data folder.',
    )
  }
}
