/** `dunlin ps`: every process and thread of the running system, its queues, and when each loop last succeeded. */
import type { Command } from 'commander'

import { systemClock } from '../kit/clock.ts'
import { asSystemState, type SystemState } from '../roles/system-state.ts'
import { askAdmin, readRunFile, type RunFile } from './admin-client.ts'
import { dataDirOf, defineCommand, type Run, type Shell } from './command.ts'
import { processTree, type ProcessFigures } from './processes.ts'
import { table } from './terminal.ts'

const WATCH_MS = 2_000
const MIB = 1024 * 1024
/** What a server looks like to the machine. */
const SERVER_TITLE = 'node main.ts'
/** Clears the terminal and goes home (ECMA-48). */
const REDRAW = '\u001B[2J\u001B[H'

export function psCommand(program: Command, shell: Shell): void {
  defineCommand(
    shell,
    program
      .command('ps')
      .description('show every process and thread of the running server, its queues and background work')
      .option('--watch', `again every ${WATCH_MS / 1000} seconds, until interrupted`),
    ps,
  )
}

interface Picture {
  pid: number
  /** Undefined when the server does not answer. */
  system: SystemState | undefined
  processes: ProcessFigures[]
}

async function ps(run: Run): Promise<void> {
  const dataDir = dataDirOf(run)
  const isWatching = run.flags['watch'] === true
  const interrupted = new AbortController()
  if (isWatching) process.once('SIGINT', () => interrupted.abort())
  for (;;) {
    const picture = await take(await readRunFile(dataDir))
    const redraw = isWatching && !run.isJson && run.terminal.isInteractive
    run.answer(picture, () => `${redraw ? REDRAW : ''}${drawing(picture, run.terminal.columns)}`)
    if (!isWatching || run.terminal.isClosed()) return
    await systemClock.sleep(WATCH_MS, interrupted.signal)
    if (interrupted.signal.aborted) return
  }
}

async function take(file: RunFile): Promise<Picture> {
  // A server that hangs still has processes to look at.
  const system = asSystemState(await askAdmin(file, '/ps').catch(() => undefined))
  const processes = await processTree(file.pid)
  const databasePid = system?.databasePid ?? undefined
  const isApart = databasePid !== undefined && !processes.some(({ pid }) => pid === databasePid)
  // One that outlived an earlier Dunlin and was adopted is nobody's child.
  if (isApart) processes.push(...(await processTree(databasePid)))
  return { pid: file.pid, system, processes }
}

function drawing({ pid, system, processes }: Picture, columns: number): string {
  const parts = [
    system === undefined
      ? `Process ${pid} does not answer; this is what the machine tells of it.`
      : `Dunlin ${system.version}, process ${pid}, at ${system.url}, up ${duration(system.nowMs - system.startedAtMs)}`,
    processTable(processes, columns),
    totalLine(processes),
  ]
  if (system !== undefined) parts.push(threadTable(system, columns), loopTable(system, columns))
  return parts.join('\n\n')
}

function processTable(processes: readonly ProcessFigures[], columns: number): string {
  const rows = processes.flatMap((process) => {
    const [main, ...others] = process.threads
    const own = [
      `${process.pid}`,
      `${process.pid}`,
      process.state,
      process.cpuSeconds.toFixed(2),
      mebibytes(process.rssBytes),
      process.pssBytes === null ? '-' : mebibytes(process.pssBytes),
      `${main?.voluntarySwitches ?? 0}`,
      `${main?.involuntarySwitches ?? 0}`,
      process.name === SERVER_TITLE ? 'dunlin serve' : process.name,
    ]
    const threads = others.map((thread) => [
      '',
      `${thread.tid}`,
      thread.state,
      thread.cpuSeconds.toFixed(2),
      '',
      '',
      `${thread.voluntarySwitches}`,
      `${thread.involuntarySwitches}`,
      `  ${thread.name}`,
    ])
    return [own, ...threads]
  })
  return table(['PID', 'TID', 'STATE', 'CPU S', 'RSS MIB', 'PSS MIB', 'CTX VOL', 'CTX INVOL', 'NAME'], rows, columns)
}

function totalLine(processes: readonly ProcessFigures[]): string {
  const threads = processes.reduce((sum, process) => sum + process.threads.length, 0)
  const proportional = processes.map(({ pssBytes }) => pssBytes)
  const known = proportional.filter((bytes) => bytes !== null)
  const memory =
    known.length === proportional.length
      ? `${mebibytes(known.reduce((sum, bytes) => sum + bytes, 0))} MiB, shared pages counted once`
      : `${mebibytes(processes.reduce((sum, { rssBytes }) => sum + rssBytes, 0))} MiB, shared pages counted for each`
  return `${processes.length} processes, ${threads} threads, ${memory}`
}

/** What only the server knows of its threads; the machine's figures of them are in the table of processes. */
function threadTable({ threads }: SystemState, columns: number): string {
  const shown = (value: number | null, text: (known: number) => string): string => (value === null ? '-' : text(value))
  const rows = threads.map((thread) => [
    thread.name,
    shown(thread.tid, String),
    thread.state,
    shown(thread.cpuSeconds, (seconds) => seconds.toFixed(2)),
    shown(thread.heapBytes, mebibytes),
    shown(thread.loopDelayP99Ms, (ms) => ms.toFixed(1)),
    shown(thread.requests, String),
    `${thread.restarts}`,
  ])
  return table(['THREAD', 'TID', 'STATE', 'CPU S', 'HEAP MIB', 'LOOP P99 MS', 'REQUESTS', 'RESTARTS'], rows, columns)
}

function loopTable({ loops, outbox, nowMs }: SystemState, columns: number): string {
  const rows = loops.map((loop) => [
    loop.name,
    loop.pending === null ? '-' : `${loop.pending}`,
    loop.parked === null ? '-' : `${loop.parked}`,
    loop.lastSuccessMs === 0 ? 'never' : `${duration(nowMs - loop.lastSuccessMs)} ago`,
  ])
  const waiting = outbox.rows === 0 ? 'empty' : `${outbox.rows} rows, the oldest ${duration(outbox.oldestMs)} old`
  return `${table(['LOOP', 'PENDING', 'PARKED', 'LAST SUCCESS'], rows, columns)}\n\nOutbox: ${waiting}`
}

function mebibytes(bytes: number): string {
  return (bytes / MIB).toFixed(1)
}

/** `340 ms`, `12 s`, `3 min`, `5 h`, `2 d`: the largest unit of which there is more than one. */
export function duration(ms: number): string {
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ]
  const [unit, size] = units.find(([, length]) => ms >= 2 * length) ?? ['ms', 1]
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`
}
