/**
 * A file that one process at a time has: it holds the process id of who has it, and a lock whose process is gone is
 * nobody's. Plain JavaScript for an older Node, as all of the set-up.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** True: this process has it now and removes it when done. False: somebody has it, or had it a moment ago: try again. */
export function tryLock(lock) {
  const draft = `${lock}.${process.pid}`
  writeFileSync(draft, String(process.pid))
  try {
    // A link appears with its content, or not at all: nobody ever reads a lock without its owner.
    linkSync(draft, lock)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
  if (isAbandoned(lock)) removeAbandoned(lock, `${draft}.abandoned`)
  return false
}

/** Of several that find it abandoned one moves it away; a lock that was taken meanwhile is put back. */
function removeAbandoned(lock, aside) {
  try {
    renameSync(lock, aside)
    if (!isAbandoned(aside)) linkSync(aside, lock)
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

function isAbandoned(lock) {
  try {
    return !isRunning(Number(readFileSync(lock, 'utf8')))
  } catch (error) {
    if (error.code === 'ENOENT') return false
    throw error
  }
}

function isRunning(pid) {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
