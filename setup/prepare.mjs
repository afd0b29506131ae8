/**
 * Makes a clone ready to run: installs the packages that package-lock.json wants and this machine lacks, the pinned Node
 * among them. Plain JavaScript, because it runs on the machine's own Node (20 or newer); everything after it runs on
 * the pinned one.
 *
 *     node setup/prepare.mjs          what running needs
 *     node setup/prepare.mjs --dev    what testing and building need, too
 *
 * It uses `npm install --no-save`, not `npm ci`: the lock decides all the same, but packages that are there stay where
 * they are, so that a server that runs from this clone does not lose its files to a test run beside it.
 */
import { execFileSync, spawn } from 'node:child_process'
import { accessSync, constants, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { hasDevPackages, missingPackages } from './installed-packages.mjs'
import { tryLock } from './lock-file.mjs'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
/** The runtime of everything under src/: Node 26, from npm. */
export const PINNED_NODE = join(ROOT, 'node_modules', '.bin', 'node')

const MACHINE_NODE_MIN = 20
/** The machine's own Node may stand in from this version on, where npm has no build for the machine. */
const STAND_IN_NODE_MIN = 26
const PROGRESS_MS = { terminal: 200, log: 15_000 }
const LAST_LINES = 15
/** One package from the registry. */
const FETCH_MS_MAX = 60_000
const PATIENT_RETRIES = 3
/** What npm says when nobody is there, as against a connection that falters. */
const OFFLINE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH/
/** How long to wait for another preparation of the same clone. */
const OTHER_MS_MAX = 600_000

/** A failure with a text for the person at the keyboard. */
class SetupError extends Error {}

/** @param {{ withDev: boolean }} options */
export async function prepare({ withDev }) {
  const major = Number(process.versions.node.split('.')[0])
  if (major < MACHINE_NODE_MIN) {
    throw new SetupError(`Dunlin needs Node ${MACHINE_NODE_MIN} or newer to set itself up; this is ${process.version}.`)
  }
  if (isReady({ withDev })) return
  await alone(async () => {
    if (isReady({ withDev })) return
    await install(withDev || hasDevPackages(ROOT))
    const missing = missingPackages(ROOT, { withDev })
    // npm passes over an optional package that it could not fetch; what is left here is needed.
    if (missing.length > 0) throw new SetupError(`npm did not install ${missing.join(', ')}. Try again later.`)
    verifyNode()
  })
}

function isReady({ withDev }) {
  return isExecutable(PINNED_NODE) && missingPackages(ROOT, { withDev }).length === 0
}

async function install(withDev) {
  const progress = showProgress(`Installing ${missingPackages(ROOT, { withDev }).length} packages`)
  try {
    // Without a connection npm's patience would last for many minutes, so a first try without any finds that out.
    let { code, output } = await runNpm(withDev, 0)
    if (code !== 0 && !OFFLINE.test(output)) ({ code, output } = await runNpm(withDev, PATIENT_RETRIES))
    if (code !== 0) throw new SetupError(explain(output))
  } finally {
    progress.stop()
  }
  progress.done()
}

async function runNpm(withDev, retries) {
  const [command, ...first] = npmCommand()
  const flags = [
    'install',
    '--no-save',
    '--include=prod',
    '--include=optional',
    withDev ? '--include=dev' : '--omit=dev',
    '--ignore-scripts', // no package needs its own; what PostgreSQL's would do, the engine does at start
    '--engine-strict=false',
    `--fetch-retries=${retries}`,
    `--fetch-timeout=${FETCH_MS_MAX}`,
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  const output = []
  const child = spawn(command, [...first, ...flags], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk))
  const code = await new Promise((resolve, reject) => {
    child.once('close', resolve)
    child.once('error', (error) => reject(new SetupError(`npm cannot be started (${error.message}); is it installed?`)))
  })
  return { code, output: Buffer.concat(output).toString() }
}

/** The npm that runs this script, on the Node that runs that npm; else the one on the path. */
function npmCommand() {
  const { npm_execpath: cli = '', npm_node_execpath: node = process.execPath } = process.env
  return cli.endsWith('npm-cli.js') ? [node, cli] : ['npm']
}

function explain(output) {
  if (OFFLINE.test(output) || /ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT/.test(output)) {
    return 'The packages cannot be fetched: there is no connection to the npm registry. Connect once, or set a mirror with npm config set registry.'
  }
  if (/ENOSPC/.test(output)) return `The disk is full: the packages need about 500 MB in ${ROOT}.`
  if (/EACCES|EPERM|EROFS/.test(output)) return `The packages cannot be written: ${ROOT} must be writable.`
  return `npm could not install the packages:\n${output.trim().split('\n').slice(-LAST_LINES).join('\n')}`
}

/** Runs the pinned Node once; where it cannot run here, the machine's own takes its place if it is new enough. */
function verifyNode() {
  try {
    execFileSync(PINNED_NODE, ['--version'], { stdio: 'ignore' })
    return
  } catch (error) {
    if (Number(process.versions.node.split('.')[0]) < STAND_IN_NODE_MIN) {
      throw new SetupError(
        `npm has no Node ${STAND_IN_NODE_MIN} that runs on this machine (${process.platform} ${process.arch}: ${error.message}). ` +
          `Install Node ${STAND_IN_NODE_MIN} yourself and try again.`,
      )
    }
  }
  rmSync(PINNED_NODE, { force: true })
  symlinkSync(process.execPath, PINNED_NODE)
}

/** One preparation of a clone at a time: two npms in one folder would spoil each other's work. */
async function alone(work) {
  const folder = join(ROOT, '.cache')
  const lock = join(folder, 'preparing')
  const taken = () => {
    try {
      mkdirSync(folder, { recursive: true })
      return tryLock(lock)
    } catch (error) {
      throw new SetupError(`The clone must be writable to be set up: ${error.message}`)
    }
  }
  const deadline = Date.now() + OTHER_MS_MAX
  while (!taken()) {
    if (Date.now() > deadline) throw new SetupError(`Another set-up has not finished; if none runs, remove ${lock}.`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  try {
    await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

/** A line that counts the seconds on a terminal, and one now and then in a log. */
function showProgress(what) {
  const started = Date.now()
  const { isTTY } = process.stderr
  const seconds = () => Math.round((Date.now() - started) / 1000)
  if (!isTTY) process.stderr.write(`${what} …\n`)
  const write = () => process.stderr.write(isTTY ? `\r${what} … ${seconds()} s ` : `${what} … ${seconds()} s\n`)
  const timer = setInterval(write, isTTY ? PROGRESS_MS.terminal : PROGRESS_MS.log)
  return {
    stop: () => clearInterval(timer),
    done: () => process.stderr.write(`${isTTY ? '\r' : ''}${what}: done in ${seconds()} s\n`),
  }
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Prepares, or says what is wrong and ends the process with 1. */
export async function prepareOrExit(options) {
  try {
    await prepare(options)
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    process.stderr.write(`\nDunlin cannot be set up. ${error.message}\n`)
    process.exit(1)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await prepareOrExit({ withDev: process.argv.includes('--dev') })
}
