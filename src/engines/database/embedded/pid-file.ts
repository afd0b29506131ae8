/** `postmaster.pid`, PostgreSQL's own lock on its data folder. It is read here, never written or deleted. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface PidFile {
  /** Who wrote the file; whether that process still is a PostgreSQL, `isPostmaster` tells. */
  readonly pid: number
  readonly socketDir: string | undefined
  /** `ready` once connections are accepted. */
  readonly status: string | undefined
}

/** What the file says, by the line numbers of PostgreSQL's `miscadmin.h`; undefined when there is none. */
export async function readPidFile(clusterDir: string): Promise<PidFile | undefined> {
  const text = await readFile(join(clusterDir, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n').map((line) => line.trim())
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  return { pid, socketDir: lines[4] || undefined, status: lines[7] }
}
