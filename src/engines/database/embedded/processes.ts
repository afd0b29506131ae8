/**
 * Who is behind a process id. Ids are given again after a process has ended, so an id from a file means nothing until
 * the process has been seen to be the one: by its start time, or by what it runs. Linux reads /proc; elsewhere `ps`.
 */
import { execFile } from 'node:child_process'
import { readFile, readlink, realpath } from 'node:fs/promises'
import { basename } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** When `pid` started, in the system's own words; undefined when it does not run (any more). */
export async function processStart(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return psColumn(pid, 'lstart=')
  const stat = await readProc(pid, 'stat')
  // The name in parentheses may hold anything, so the fields are counted from the last one.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state] = fields ?? []
  // A zombie runs no more; it only waits for its parent to take note.
  return state === undefined || state === 'Z' || state === 'X' ? undefined : fields?.[19]
}

/** The command line of `pid`, for comparing and for telling people; undefined when it does not run. */
export async function processCommand(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return psColumn(pid, 'command=')
  const text = await readProc(pid, 'cmdline')
  return text === undefined || text === '' ? undefined : text.replaceAll('\0', ' ').trim()
}

/** True when `pid` is a PostgreSQL server (not one of its children) on `clusterDir`. */
export async function isPostmaster(pid: number, clusterDir: string): Promise<boolean> {
  const command = await processCommand(pid)
  if (command === undefined) return false
  const [program = ''] = command.split(' ')
  // A child has its role as title, "postgres: checkpointer"; the server keeps its arguments.
  if (basename(program) !== 'postgres' || !command.includes(` -D ${clusterDir}`)) return false
  // It changes to its data folder: the surest sign, where the system shows it.
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return folder === undefined || folder === (await realpath(clusterDir))
}

/** Which kernel's which process ids: elsewhere (another container, another machine) an id means another process. */
export async function processSpace(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '')
  return `${boot.trim()} ${namespace}`
}

async function readProc(pid: number, file: string): Promise<string | undefined> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => undefined)
}

async function psColumn(pid: number, column: string): Promise<string | undefined> {
  const found = await run('ps', ['-o', column, '-p', `${pid}`]).catch(() => undefined)
  return found?.stdout.trim() || undefined
}
