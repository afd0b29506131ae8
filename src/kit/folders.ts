/** Folders that are there before something is put into them. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { AppError } from './errors.ts'

/**
 * Makes the folder and those above it; gives the uppermost that is new, or undefined when it was there. `mode` is that
 * of every new one. Throws `unavailable` where it cannot be made.
 *
 * Instead of `mkdir(…, { recursive: true })`, which never returns where a file system denies the folder although the one
 * above it exists, as Linux does below /proc.
 */
export async function makeFolder(path: string, mode = 0o777): Promise<string | undefined> {
  const folder = resolve(path)
  const missing = await failureOf(folder, mode)
  if (missing === undefined) return folder
  if (missing === 'exists') return undefined
  const above = dirname(folder)
  if (missing.code !== 'ENOENT' || above === folder) throw refused(folder, missing)
  const uppermost = await makeFolder(above, mode)
  const failure = await failureOf(folder, mode)
  if (failure !== undefined && failure !== 'exists') throw refused(folder, failure)
  return uppermost ?? (failure === undefined ? folder : undefined)
}

async function failureOf(folder: string, mode: number): Promise<NodeJS.ErrnoException | 'exists' | undefined> {
  try {
    await mkdir(folder, { mode })
    return undefined
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const found = await stat(folder).catch(() => undefined)
    return found?.isDirectory() === true ? 'exists' : error
  }
}

function refused(folder: string, cause: NodeJS.ErrnoException): AppError {
  return new AppError('unavailable', `The folder ${folder} cannot be made (${cause.message}).`, { cause })
}
