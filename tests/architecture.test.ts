/**
 * The architecture, enforced: which folder may import which (DESIGN §7), how it is entered, and a few rules of style that
 * no linter knows. A new block extends the table here and in ARCHITECTURE.md together.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import test from 'node:test'

const ROOT = join(import.meta.dirname, '..')

const ENGINES = [
  'engines/bus',
  'engines/cache',
  'engines/database',
  'engines/files',
  'engines/outbound',
  'engines/outbox',
]
const STORES = [
  'accounts',
  'earlybird',
  'filters',
  'lists',
  'media',
  'social-graph',
  'status-store',
  'tag-follows',
  'timeline-cache',
]
const FLOWS = [
  'blender',
  'conversations',
  'discovery',
  'fanout',
  'ingester',
  'notifications',
  'relay',
  'timeline-service',
  'write-api',
]
const DOORS = ['edge', 'http-push', 'mobile-push']
/** Wires everything and sees everything. */
const WIRING = ['cli', 'main.ts', 'roles']

const FOR_STORES = ['kit', 'snowflake', 'events', 'scheduler', ...ENGINES]
const FOR_HYDRATION = [...FOR_STORES, 'text', 'accounts', 'media', 'social-graph', 'status-store']
const FOR_FLOWS = [...FOR_STORES, 'text', ...STORES, 'hydration']
const FOR_DOORS = [...FOR_FLOWS, 'mastodon', ...FLOWS]

/** What each block may import from outside itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  kit: [],
  text: ['kit'],
  ...allow(ENGINES, ['kit', ...ENGINES]),
  snowflake: ['kit', 'engines/database'],
  events: ['kit', 'snowflake'],
  scheduler: ['kit'],
  ...allow(STORES, FOR_STORES),
  hydration: FOR_HYDRATION,
  ...allow(FLOWS, FOR_FLOWS), // never another flow
  mastodon: ['kit', 'text', 'snowflake', 'events', 'hydration'],
  ...allow(DOORS, FOR_DOORS),
  edge: [...FOR_DOORS, 'mobile-push'],
  seed: FOR_DOORS,
  ...allow(WIRING, [...FOR_DOORS, ...DOORS, ...WIRING, 'seed']),
}

/** From outside these are entered by `contract.ts` only; implementations are for the wiring. */
const ENTERED_BY_CONTRACT = new Set([...ENGINES, 'scheduler', ...STORES, 'hydration', ...FLOWS, 'mobile-push'])

/** Names that say nothing about what is in a file. */
const EMPTY_NAMES = /^(?:.*-)?(?:utils?|helpers?|commons?|managers?|base)$/
const LINES_MAX = 400
/** `Date.now()`, and `new Date()` or `Date()` without an argument. */
const READS_CLOCK = /\bDate\.now\b|\bnew Date\s*(?:\(\s*\)|(?!\s*\())|(?<!\.|\w|new )\bDate\(\s*\)/
const CLOCK = 'src/kit/clock.ts'

interface SourceFile {
  /** From the project's folder: `src/edge/server.ts`. */
  readonly path: string
  readonly text: string
}

interface Import {
  readonly from: SourceFile
  readonly to: string
}

function allow(blocks: readonly string[], targets: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(blocks.map((block) => [block, targets.filter((target) => target !== block)]))
}

/** `src/engines/database/pool.ts` → `engines/database`; `src/main.ts` → `main.ts`. */
function blockOf(path: string): string {
  const [, first = '', second = ''] = path.split('/')
  return first === 'engines' ? `${first}/${second}` : first
}

/** Imports and exports from files of ours, dynamic ones and worker entries included. Comments are left out. */
function importsOf(from: SourceFile): Import[] {
  const code = withoutComments(from.text)
  const specifiers = [
    ...code.matchAll(/\bfrom\s*'(\.[^']+)'/g),
    ...code.matchAll(/\bimport\s*\(?\s*'(\.[^']+)'/g),
    ...code.matchAll(/\bnew URL\(\s*'(\.[^']+\.ts)'/g),
  ]
  return specifiers.map(([, specifier = '']) => ({ from, to: normalize(join(dirname(from.path), specifier)) }))
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/[^\n]*/g, '$1')
}

function importViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap(importsOf).flatMap(({ from, to }) => {
    if (!to.startsWith('src/')) return [`${from.path} leaves src: ${to}`]
    const [block, target] = [blockOf(from.path), blockOf(to)]
    if (block === target) return []
    const allowed = MAY_IMPORT[block]
    if (allowed === undefined) return [`${block} is in no row of the table (${from.path})`]
    if (!allowed.includes(target)) return [`${block} may not import ${target}: ${from.path} imports ${to}`]
    const isEntrance = to === `src/${target}/contract.ts` || WIRING.includes(block)
    if (ENTERED_BY_CONTRACT.has(target) && !isEntrance) {
      return [`${target} is entered by its contract.ts only: ${from.path} imports ${to}`]
    }
    return []
  })
}

/** Blocks that import each other, however long the way round; one cycle is told. */
function folderCycles(files: readonly SourceFile[]): string[] {
  const graph = new Map<string, Set<string>>()
  for (const { from, to } of files.flatMap(importsOf)) {
    const targets = graph.get(blockOf(from.path)) ?? new Set()
    if (blockOf(to) !== blockOf(from.path)) targets.add(blockOf(to))
    graph.set(blockOf(from.path), targets)
  }
  const done = new Set<string>()
  const visit = (block: string, path: readonly string[]): string[] => {
    if (path.includes(block)) return [[...path.slice(path.indexOf(block)), block].join(' → ')]
    if (done.has(block)) return []
    const found = [...(graph.get(block) ?? [])].flatMap((next) => visit(next, [...path, block]))
    done.add(block)
    return found
  }
  return [...graph.keys()].flatMap((block) => visit(block, []))
}

function nameViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path }) => {
    const empty = path.split('/').find((part) => EMPTY_NAMES.test(part.replace(/\.[^/]*$/, '')))
    return empty === undefined ? [] : [`${path}: "${empty}" says nothing about what is in it`]
  })
}

function lengthViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.split('\n').length - 1
    return lines <= LINES_MAX ? [] : [`${path} has ${lines} lines, of ${LINES_MAX} at most`]
  })
}

function clockViolations(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path, text }) => path !== CLOCK && READS_CLOCK.test(withoutComments(text)))
    .map(({ path }) => `${path} reads the clock; only ${CLOCK} does, and hands it on as an argument`)
}

function filesUnder(folder: string): SourceFile[] {
  if (!existsSync(join(ROOT, folder))) return []
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|tsx|mts|mjs)$/.test(name) && !name.includes('node_modules'))
    .map((name) => ({ path: join(folder, name), text: readFileSync(join(ROOT, folder, name), 'utf8') }))
}

const source = filesUnder('src')
const all = [...source, ...['bench', 'setup', 'tests', 'web'].flatMap(filesUnder)]

test('folders import what the table lets them, and enter others by their contract', () => {
  assert.ok(source.length > 0)
  assert.deepEqual(importViolations(source), [])
})

test('no two folders need each other', () => {
  assert.deepEqual(folderCycles(source), [])
})

test('every folder of src has a row in the table', () => {
  const blocks = new Set(source.map(({ path }) => blockOf(path)))
  assert.deepEqual(
    [...blocks].filter((block) => MAY_IMPORT[block] === undefined),
    [],
  )
})

test('the seed is for the wiring alone', () => {
  const users = source.flatMap(importsOf).filter(({ to }) => blockOf(to) === 'seed')
  const others = users.map(({ from }) => blockOf(from.path)).filter((block) => ![...WIRING, 'seed'].includes(block))
  assert.deepEqual(others, [])
})

test('the browser client knows the public API only', () => {
  const leaks = filesUnder('web')
    .flatMap(importsOf)
    .filter(({ to }) => to.startsWith('src/'))
  assert.deepEqual(
    leaks.map(({ from, to }) => `${from.path} imports ${to}`),
    [],
  )
})

test('names say what is in a file', () => {
  assert.deepEqual(nameViolations(all), [])
})

test('a file is a room, not a house', () => {
  assert.deepEqual(lengthViolations(all), [])
})

test('one file reads the clock', () => {
  assert.deepEqual(clockViolations(source), [])
})

test('planted violations are found', () => {
  const file = (path: string, text = ''): SourceFile => ({ path, text })
  const imports = (from: string, to: string): string[] => importViolations([file(from, `import { x } from '${to}'`)])

  assert.match(imports('src/kit/a.ts', '../events/b.ts').join(), /kit may not import events/)
  assert.match(imports('src/fanout/a.ts', '../notifications/contract.ts').join(), /fanout may not import notifications/)
  assert.match(
    imports('src/mastodon/a.ts', '../status-store/contract.ts').join(),
    /mastodon may not import status-store/,
  )
  assert.match(imports('src/edge/a.ts', '../accounts/rows.ts').join(), /accounts is entered by its contract\.ts only/)
  assert.match(imports('src/accounts/a.ts', '../engines/database/connection.ts').join(), /engines\/database is entered/)
  assert.match(imports('src/accounts/a.ts', '../../tests/world/database.ts').join(), /leaves src/)
  assert.match(imports('src/novelty/a.ts', '../kit/clock.ts').join(), /no row of the table/)
  assert.match(imports('src/seed/a.ts', '../accounts/rows.ts').join(), /accounts is entered/)
  assert.deepEqual(imports('src/edge/a.ts', '../accounts/contract.ts'), [])
  assert.deepEqual(imports('src/roles/a.ts', '../accounts/rows.ts'), [])
  assert.deepEqual(imports('src/engines/database/a.ts', './embedded/b.ts'), [])

  for (const text of [
    "await import('../events/b.ts')",
    "new Worker(new URL('../events/b.ts', here))",
    "export * from '../events/b.ts'",
  ]) {
    assert.equal(importViolations([file('src/kit/a.ts', text)]).length, 1, text)
  }
  assert.deepEqual(importViolations([file('src/kit/a.ts', "// import x from '../events/b.ts'")]), [])

  const circle = [
    file('src/accounts/a.ts', "import '../events/a.ts'"),
    file('src/events/a.ts', "import '../snowflake/a.ts'"),
    file('src/snowflake/a.ts', "import '../accounts/a.ts'"),
  ]
  assert.deepEqual(folderCycles(circle), ['accounts → events → snowflake → accounts'])
  assert.deepEqual(folderCycles(circle.slice(1)), [])

  const names = ['src/kit/utils.ts', 'src/edge/http-helpers.ts', 'src/base/a.ts', 'src/roles/role-manager.ts']
  assert.equal(nameViolations(names.map((path) => file(path))).length, names.length)
  assert.deepEqual(
    nameViolations([file('src/engines/database/contract.ts'), file('src/accounts/common-passwords.ts')]),
    [],
  )

  assert.equal(lengthViolations([file('src/a.ts', 'x\n'.repeat(LINES_MAX + 1))]).length, 1)
  assert.equal(lengthViolations([file('src/a.ts', 'x\n'.repeat(LINES_MAX))]).length, 0)

  for (const text of [
    'Date.now()',
    'new Date()',
    'new Date().getTime()',
    'const now = Date.now',
    'x = new Date',
    'Date()',
  ]) {
    assert.equal(clockViolations([file('src/edge/a.ts', text)]).length, 1, text)
  }
  for (const text of [
    'new Date(ms)',
    'Date.parse(text)',
    'performance.now()',
    '// Date.now()',
    'toDate()',
    'x: Date',
  ]) {
    assert.deepEqual(clockViolations([file('src/edge/a.ts', text)]), [], text)
  }
  assert.deepEqual(clockViolations([file(CLOCK, 'Date.now()')]), [])
})
