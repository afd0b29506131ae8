/** How far something is, for the person who waits: a bar that is redrawn on a terminal, a line now and then elsewhere. */
import type { Terminal } from './terminal.ts'

const BAR_COLUMNS = 30
/** A bar is redrawn at most so often. */
const REDRAW_MS = 100
/** Without a terminal, a line after so much of a stage. */
const LINE_EVERY = 0.25
/** Up one line, and clears it (ECMA-48). */
const LINE_ABOVE = '\u001B[1A\u001B[2K'

export type Progress = (stage: string, done: number, total: number) => void

/** Every stage ends with a call whose `done` is its `total`. */
export function progressBar(terminal: Terminal, nowMs: () => number): Progress {
  return terminal.isInteractive ? redrawnBar(terminal, nowMs) : plainLines(terminal)
}

function redrawnBar(terminal: Terminal, nowMs: () => number): Progress {
  // Terminals that do not know their width say 0.
  const width = terminal.columns > 1 ? terminal.columns - 1 : Infinity
  let shown: string | undefined
  let drawnMs = 0
  return (stage, done, total) => {
    const isNew = stage !== shown
    if (!isNew && done < total && nowMs() - drawnMs < REDRAW_MS) return
    shown = stage
    drawnMs = nowMs()
    const filled = total === 0 ? BAR_COLUMNS : Math.round((BAR_COLUMNS * done) / total)
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_COLUMNS - filled)
    const line = `${stage.padEnd(9)} ${bar} ${grouped(done)} of ${grouped(total)}`
    terminal.out(`${isNew ? '' : LINE_ABOVE}${line.slice(0, width)}`)
  }
}

/** On the other stream, so that what a program reads is the answer alone. */
function plainLines(terminal: Terminal): Progress {
  let shown: string | undefined
  let toldShare = 0
  return (stage, done, total) => {
    if (stage !== shown) toldShare = 0
    shown = stage
    const share = total === 0 ? 1 : done / total
    if (share < 1 && share - toldShare < LINE_EVERY) return
    toldShare = share
    terminal.err(`${stage}: ${grouped(done)} of ${grouped(total)}`)
  }
}

/** 20000 → 20,000. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
