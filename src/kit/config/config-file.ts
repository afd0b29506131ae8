/** The configuration file: `KEY=value` lines, as Docker, systemd and Mastodon's `.env.production` write them. */

export interface FileEntry {
  readonly name: string
  readonly text: string
  readonly line: number
}

const ASSIGNMENT = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/
const QUOTED = /^(["'])(.*)\1\s*(?:#.*)?$/

/** The entries of `text`, and a sentence for each line that is none. */
export function parseConfigFile(text: string): { entries: FileEntry[]; problems: { line: number; text: string }[] } {
  const entries: FileEntry[] = []
  const problems: { line: number; text: string }[] = []
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  for (const [index, raw] of lines.entries()) {
    const line = index + 1
    const trimmed = raw.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const [, name, value] = ASSIGNMENT.exec(trimmed) ?? []
    if (name === undefined || value === undefined) {
      problems.push({ line, text: 'expected KEY=value' })
    } else if (/^["']/.test(value) && !QUOTED.test(value)) {
      problems.push({ line, text: `${name}: the closing quote is missing` })
    } else {
      entries.push({ name, text: unquote(value), line })
    }
  }
  return { entries, problems }
}

function unquote(value: string): string {
  const [, quote, inside] = QUOTED.exec(value) ?? []
  if (quote === undefined || inside === undefined) return value.replace(/\s#.*$/, '').trim()
  return quote === '"' ? inside.replaceAll('\\n', '\n').replaceAll('\\"', '"') : inside
}
