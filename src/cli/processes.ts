/** The processes and threads of a running system, from Linux' /proc (see `man proc_pid_stat`). */
import { execFileSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { AppError } from '../kit/errors.ts'

interface ThreadFigures {
  pid: number
  /** The process' own id for its main thread. */
  tid: number
  name: string
  /** One letter: R runs, S sleeps, D waits for a disk, T stopped, Z dead … */
  state: string
  cpuSeconds: number
  voluntarySwitches: number
  involuntarySwitches: number
}

export interface ProcessFigures {
  pid: number
  parent: number
  /** What it is: the command's title, shortened. */
  name: string
  state: string
  cpuSeconds: number
  /** Resident memory, shared pages included. */
  rssBytes: number
  /** Proportional: shared pages divided by those who share them; null where the kernel does not tell us. */
  pssBytes: number | null
  startedTicks: number
  threads: ThreadFigures[]
}

/** `root` and everything it started, parents first. Throws `unavailable` where there is no /proc. */
export async function processTree(root: number, folder = '/proc'): Promise<ProcessFigures[]> {
  const proc: Proc = { folder, ticksPerSecond: clockTicks() }
  const parents = await parentsByPid(proc)
  if (!parents.has(root)) return []
  const pids = [root]
  for (const pid of pids) pids.push(...[...parents].filter(([, parent]) => parent === pid).map(([child]) => child))
  const figures = await Promise.all(pids.map((pid) => processFigures(pid, proc)))
  return figures.filter((process) => process !== undefined)
}

interface Proc {
  folder: string
  ticksPerSecond: number
}

async function parentsByPid(proc: Proc): Promise<Map<number, number>> {
  const names = await readdir(proc.folder).catch((cause: unknown) => {
    throw new AppError(
      'unavailable',
      `There is no ${proc.folder} here to read processes from: this command needs Linux.`,
      {
        cause,
      },
    )
  })
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number)
  const stats = await Promise.all(pids.map((pid) => readStat(proc, join(proc.folder, `${pid}`))))
  const parents = new Map<number, number>()
  for (const [index, pid] of pids.entries()) {
    const stat = stats[index]
    if (stat !== undefined) parents.set(pid, stat.parent)
  }
  return parents
}

/** Undefined when it has ended meanwhile. */
async function processFigures(pid: number, proc: Proc): Promise<ProcessFigures | undefined> {
  const folder = join(proc.folder, `${pid}`)
  const [stat, title, memory, rollup, tids] = await Promise.all([
    readStat(proc, folder),
    readText(join(folder, 'cmdline')),
    readText(join(folder, 'status')),
    readText(join(folder, 'smaps_rollup')),
    readdir(join(folder, 'task')).catch(() => []),
  ])
  if (stat === undefined) return undefined
  const threads = await Promise.all(tids.map((tid) => threadFigures(proc, pid, Number(tid))))
  return {
    pid,
    parent: stat.parent,
    name: titleOf(title, stat.name),
    state: stat.state,
    cpuSeconds: stat.cpuSeconds,
    rssBytes: kibibytes(memory, 'VmRSS') ?? 0,
    pssBytes: kibibytes(rollup, 'Pss') ?? null,
    startedTicks: stat.startedTicks,
    threads: threads.filter((thread) => thread !== undefined).toSorted((a, b) => a.tid - b.tid),
  }
}

async function threadFigures(proc: Proc, pid: number, tid: number): Promise<ThreadFigures | undefined> {
  const folder = join(proc.folder, `${pid}`, 'task', `${tid}`)
  const [stat, status] = await Promise.all([readStat(proc, folder), readText(join(folder, 'status'))])
  if (stat === undefined) return undefined
  return {
    pid,
    tid,
    name: stat.name,
    state: stat.state,
    cpuSeconds: stat.cpuSeconds,
    voluntarySwitches: numberAfter(status, 'voluntary_ctxt_switches') ?? 0,
    involuntarySwitches: numberAfter(status, 'nonvoluntary_ctxt_switches') ?? 0,
  }
}

interface Stat {
  name: string
  state: string
  parent: number
  cpuSeconds: number
  startedTicks: number
}

async function readStat(proc: Proc, folder: string): Promise<Stat | undefined> {
  const text = await readText(join(folder, 'stat'))
  return text === '' ? undefined : parseStat(text, proc.ticksPerSecond)
}

/** `pid (name) state ppid …`; the name may hold spaces and brackets, so the last bracket counts. */
export function parseStat(text: string, ticksPerSecond: number): Stat | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 0 || close < open) return undefined
  // The fields after the name, which is the second: state is the third.
  const fields = text
    .slice(close + 2)
    .trim()
    .split(/\s+/)
  const field = (number: number): number => Number(fields[number - 3] ?? 0)
  return {
    name: text.slice(open + 1, close),
    state: fields[0] ?? '?',
    parent: field(4),
    cpuSeconds: (field(14) + field(15)) / ticksPerSecond,
    startedTicks: field(22),
  }
}

/** PostgreSQL's processes say in their title what they do; of others, the program and its first argument. */
export function titleOf(cmdline: string, name: string): string {
  const words = cmdline.split('\0').filter((word) => word !== '')
  const [program] = words
  if (program === undefined) return name
  if (words.length === 1) return program.trim()
  const argument = words.slice(1).find((word) => !word.startsWith('-')) ?? ''
  return `${baseName(program)} ${baseName(argument)}`.trim()
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function kibibytes(text: string, name: string): number | undefined {
  const number = numberAfter(text, name)
  return number === undefined ? undefined : number * 1024
}

function numberAfter(text: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}

async function readText(path: string): Promise<string> {
  // A process that ended meanwhile, or one of another user, has nothing to tell.
  return readFile(path, 'utf8').catch(() => '')
}

/** USER_HZ: 100 on every Linux of today, but the kernel may be built otherwise. */
function clockTicks(): number {
  try {
    const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
    return ticks > 0 ? ticks : 100
  } catch {
    return 100
  }
}
