/**
 * What package-lock.json wants for this machine and node_modules does not have. Compares the lock with the one that npm
 * writes into node_modules when it has finished, so an interrupted installation counts as none.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @param {string} root the project's folder
 * @param {{ withDev: boolean }} options whether packages for development are wanted too
 * @returns {string[]} names of packages that are missing or of another version
 */
export function missingPackages(root, { withDev }) {
  const wanted = readPackages(join(root, 'package-lock.json'))
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'))
  return Object.entries(wanted)
    .filter(([path, entry]) => path !== '' && (withDev || !isForDevelopment(entry)))
    .filter(([path, entry]) =>
      installed[path] === undefined ? isNeededHere(entry) : installed[path].version !== entry.version,
    )
    .map(([path]) => path.replace(/^.*node_modules\//, ''))
}

/** True when packages for development have been installed here: then an update keeps them. */
export function hasDevPackages(root) {
  return Object.values(readPackages(join(root, 'node_modules', '.package-lock.json'))).some(isForDevelopment)
}

function readPackages(path) {
  if (!existsSync(path)) return {}
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {}
  } catch {
    return {}
  }
}

function isForDevelopment(entry) {
  return entry.dev === true || entry.devOptional === true
}

/** Of the optional packages, those made for this machine; npm alone knows when it wants one of the others. */
function isNeededHere({ optional, os, cpu, libc }) {
  if (optional !== true) return true
  if (os === undefined && cpu === undefined) return false
  return matches(os, process.platform) && matches(cpu, process.arch) && matches(libc, machineLibc())
}

/** `wanted` as in package.json: nothing, a name, names, or names not wanted with a `!`. */
function matches(wanted, actual) {
  if (wanted === undefined || actual === undefined) return true
  const names = [wanted].flat()
  if (names.includes(`!${actual}`)) return false
  return names.includes(actual) || names.every((name) => name.startsWith('!'))
}

function machineLibc() {
  if (process.platform !== 'linux') return undefined
  process.report.excludeNetwork = true // else it looks up the names of open connections
  return process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
}
