/**
 * Every benchmark in turn, each in a process of its own, so that none inherits another's heap or compiled code. With
 * `--report` also one self-contained HTML page with charts and the raw figures.
 */
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus, loadavg, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { reportPage, type Section } from './report-page.ts'
import type { BenchResult } from './report.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const REPORT_FILE = 'bench-report.html'
/** No benchmark may take longer. */
const BENCH_MS_MAX = 10 * 60_000

export interface AllOptions {
  names: readonly string[]
  quick: boolean
  report: boolean
}

/** Runs all, prints each as it ends, and returns the exit code: 1 when one of them failed. */
export async function runAll({ names, quick, report }: AllOptions): Promise<number> {
  const sections: Section[] = []
  for (const name of names) {
    console.log(`== ${name}`)
    const startedMs = performance.now()
    const { code, output } = await runOne(name, quick)
    const result = code === 0 ? resultOf(output) : undefined
    sections.push({ name, seconds: (performance.now() - startedMs) / 1000, output, result, load: loadavg()[0] ?? 0 })
    if (result === undefined) console.error(`${name} failed with exit code ${code}`)
    console.log()
  }
  if (report) {
    const file = resolve(REPORT_FILE)
    await writeFile(file, reportPage(sections, { quick, machine: machine() }))
    console.log(`The report is in ${file}`)
  }
  const failed = sections.filter(({ result }) => result === undefined).map(({ name }) => name)
  const summaries = Object.fromEntries(sections.map(({ name, result }) => [name, result?.summary ?? null]))
  console.log(JSON.stringify({ bench: 'all', quick, failed, results: summaries }))
  return failed.length === 0 ? 0 : 1
}

async function runOne(name: string, quick: boolean): Promise<{ code: number | null; output: string }> {
  const args = [MAIN, name, ...(quick ? ['--quick'] : []), '--rows']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: BENCH_MS_MAX })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail)
    child.once('close', done)
  })
  // The last line carries the rows for the page; people have the table above it.
  console.log(output.trimEnd().split('\n').slice(0, -1).join('\n'))
  return { code, output }
}

/** The last line, as `--rows` prints it. */
function resultOf(output: string): BenchResult | undefined {
  const last = output.trimEnd().split('\n').at(-1) ?? ''
  return JSON.parse(last) as BenchResult // printed by main.ts of the same version
}

function machine(): string {
  const [first] = cpus()
  const gib = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} × ${first?.model ?? 'unknown processor'}, ${gib} GiB, Node ${process.version}, ${process.platform}`
}
