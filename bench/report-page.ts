/** One HTML page without scripts or links to elsewhere: a bar chart for each figure, the tables, the raw lines. */
import { measureGoals, type Measured } from './goals.ts'
import { formatTable, type BenchResult, type BenchValue } from './report.ts'

export interface Section {
  name: string
  seconds: number
  output: string
  /** Undefined when the benchmark failed. */
  result: BenchResult | undefined
  /** Load average when it ended. */
  load: number
}

const BAR_HEIGHT = 22
const LABEL_WIDTH = 220
const BARS_WIDTH = 420
const VALUE_WIDTH = 140

const STYLE = `
:root { color-scheme: light dark; --ink: #16202a; --soft: #5b6b7b; --bar: #1f5f8b; --line: #d4dae0; --paper: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --soft: #9aa8b5; --bar: #5aa6d6; --line: #33404d; --paper: #12181f } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem } p { color: var(--soft) } svg { max-width: 100%; height: auto }
text { font: 13px system-ui, sans-serif; fill: var(--ink) } rect { fill: var(--bar) }
pre { overflow-x: auto; font-size: .85rem; border: 1px solid var(--line); border-radius: .4rem; padding: .8rem }
.failed { color: #b3261e } table { border-collapse: collapse } td, th { text-align: left; padding: .15rem 1.2rem .15rem 0 }`

export function reportPage(sections: readonly Section[], about: { quick: boolean; machine: string }): string {
  const kind = about.quick ? 'Quick runs: a few seconds each, for a look, not for a record.' : 'Full runs.'
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Dunlin: benchmarks</title><style>${STYLE}</style></head><body>
<h1>Dunlin: benchmarks</h1>
<p>${escape(about.machine)}. ${kind} Ratios compare with a reference measured in the same run; absolute figures belong to this machine at that moment.</p>
${goalsHtml(sections)}
${sections.map(sectionHtml).join('\n')}
</body></html>
`
}

function goalsHtml(sections: readonly Section[]): string {
  const told = sections.flatMap(({ name, result }) => (result === undefined ? [] : [[name, result.summary] as const]))
  const rows = measureGoals(new Map(told)).map(goalRow)
  return `<h2>Goals</h2><table><tr><th>benchmark</th><th>figure</th><th>goal</th><th>measured</th><th></th></tr>${rows.join('')}</table>`
}

function goalRow({ goal: { bench, figure, least, most }, value, isReached }: Measured): string {
  const wanted = least === undefined ? `≤ ${most?.toLocaleString('en-US')}` : `≥ ${least.toLocaleString('en-US')}`
  const measured = value?.toLocaleString('en-US', { maximumFractionDigits: 3 }) ?? '–'
  const verdict = isReached ? 'reached' : '<span class="failed">not reached</span>'
  return `<tr><td>${[bench, figure, wanted, measured].map(escape).join('</td><td>')}</td><td>${verdict}</td></tr>`
}

function sectionHtml({ name, seconds, output, result, load }: Section): string {
  const heading = `<h2>${escape(name)}</h2><p>${seconds.toFixed(1)} s, load average ${load.toFixed(2)} at its end.</p>`
  if (result === undefined) return `${heading}<p class="failed">It failed.</p><pre>${escape(output)}</pre>`
  return `${heading}
${chartsOf(result)}
<pre>${escape(formatTable(result.rows))}</pre>
<h3>Summary</h3><pre>${escape(JSON.stringify(result.summary, null, 2))}</pre>`
}

/** A chart for each column of numbers, its bars named by the column of text. */
function chartsOf({ rows }: BenchResult): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const label = columns.find((column) => rows.every((row) => typeof row[column] === 'string')) ?? columns[0] ?? ''
  return columns
    .filter((column) => column !== label && rows.some((row) => typeof row[column] === 'number'))
    .map((column) => `<h3>${escape(column)}</h3>${chart(rows, label, column)}`)
    .join('\n')
}

function chart(rows: BenchResult['rows'], label: string, column: string): string {
  const values = rows.map((row) => row[column])
  const most = Math.max(...values.map((value) => (typeof value === 'number' ? value : 0)), Number.MIN_VALUE)
  const bars = rows.map((row, index) => bar(row[label] ?? null, values[index] ?? null, { most, index }))
  const width = LABEL_WIDTH + BARS_WIDTH + VALUE_WIDTH
  const height = rows.length * BAR_HEIGHT
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${escape(column)}">${bars.join('')}</svg>`
}

function bar(name: BenchValue, value: BenchValue, at: { most: number; index: number }): string {
  const y = at.index * BAR_HEIGHT
  const length = typeof value === 'number' ? Math.max(1, (value / at.most) * BARS_WIDTH) : 0
  const text = typeof value === 'number' ? value.toLocaleString('en-US', { maximumFractionDigits: 3 }) : '–'
  return [
    `<text x="${LABEL_WIDTH - 8}" y="${y + 15}" text-anchor="end">${escape(String(name))}</text>`,
    `<rect x="${LABEL_WIDTH}" y="${y + 3}" width="${length.toFixed(1)}" height="${BAR_HEIGHT - 6}" rx="3"/>`,
    `<text x="${LABEL_WIDTH + length + 6}" y="${y + 15}">${escape(text)}</text>`,
  ].join('')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
