import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { pathToFileURL } from 'node:url'

type Lock = Record<string, { version: string; dev?: true; optional?: true; os?: string | string[]; cpu?: string[] }>
type Missing = (root: string, options: { withDev: boolean }) => string[]

/** The set-up is plain JavaScript for an older Node, so it has no types of its own. */
const script = pathToFileURL(join(import.meta.dirname, '../../setup/installed-packages.mjs')).href
const { missingPackages }: { missingPackages: Missing } = await import(script)

async function missing(wanted: Lock, installed: Lock | undefined, withDev = false): Promise<string[]> {
  const root = await mkdtemp(join(tmpdir(), 'dunlin-packages-'))
  try {
    await writeFile(join(root, 'package-lock.json'), JSON.stringify({ packages: wanted }))
    await mkdir(join(root, 'node_modules'))
    const hidden = join(root, 'node_modules', '.package-lock.json')
    if (installed !== undefined) await writeFile(hidden, JSON.stringify({ packages: installed }))
    return missingPackages(root, { withDev })
  } finally {
    await rm(root, { recursive: true })
  }
}

const here = [process.platform]
const elsewhere = ['an-unknown-platform']

test('what the lock wants and node_modules lacks is missing, also by version', async () => {
  const wanted: Lock = {
    '': { version: '1' },
    'node_modules/a': { version: '1' },
    'node_modules/@s/b': { version: '2' },
  }
  assert.deepEqual(await missing(wanted, wanted), [])
  assert.deepEqual(await missing(wanted, { 'node_modules/a': { version: '1' } }), ['@s/b'])
  assert.deepEqual(await missing(wanted, { ...wanted, 'node_modules/a': { version: '0' } }), ['a'])
})

test('an installation that did not finish counts as none', async () => {
  const wanted: Lock = { 'node_modules/a': { version: '1' } }
  assert.deepEqual(await missing(wanted, undefined), ['a'])
})

test('packages for development are wanted only for development', async () => {
  const wanted: Lock = { 'node_modules/a': { version: '1' }, 'node_modules/t': { version: '1', dev: true } }
  const installed: Lock = { 'node_modules/a': { version: '1' } }
  assert.deepEqual(await missing(wanted, installed), [])
  assert.deepEqual(await missing(wanted, installed, true), ['t'])
})

test('of optional packages those made for this machine are wanted', async () => {
  const wanted: Lock = {
    'node_modules/mine': { version: '1', optional: true, os: here, cpu: [process.arch] },
    'node_modules/mine-too': { version: '1', optional: true, os: process.platform },
    'node_modules/not-mine': { version: '1', optional: true, os: elsewhere },
    'node_modules/excluded': { version: '1', optional: true, os: [`!${process.platform}`] },
    'node_modules/other-chip': { version: '1', optional: true, os: here, cpu: ['an-unknown-chip'] },
    'node_modules/for-anything': { version: '1', optional: true },
  }
  assert.deepEqual(await missing(wanted, {}), ['mine', 'mine-too'])
})
