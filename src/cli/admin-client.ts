/** Asks the running server: `<data>/run/admin.json` says where it listens and with which secret. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { AppError } from '../kit/errors.ts'

/** A server that takes longer than this for a few figures hangs. */
const ANSWER_MS_MAX = 3_000

export interface RunFile {
  pid: number
  port: number
  secret: string
}

/** Throws `unavailable` when no server runs on the folder. */
export async function readRunFile(dataDir: string): Promise<RunFile> {
  const path = join(dataDir, 'run', 'admin.json')
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EACCES') {
      throw new AppError('forbidden', `${path} may not be read: run this command as the user that runs Dunlin.`, {
        cause,
      })
    }
    throw notRunning(dataDir, cause)
  })
  const file: unknown = JSON.parse(text)
  if (!isRunFile(file)) throw new AppError('unavailable', `${path} does not say where the server listens: restart it.`)
  if (!isAlive(file.pid)) throw notRunning(dataDir)
  return file
}

/** The JSON of a path; undefined for 404. */
export function askAdmin(file: RunFile, path: string): Promise<unknown> {
  return answerOf(file, path, 'GET')
}

/** The same, of a path that does something. */
export function tellAdmin(file: RunFile, path: string): Promise<unknown> {
  return answerOf(file, path, 'POST')
}

async function answerOf(file: RunFile, path: string, method: string): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${file.port}${path}`, {
    method,
    headers: { authorization: `Bearer ${file.secret}` },
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  }).catch((cause: unknown) => {
    throw new AppError(
      'unavailable',
      `The server (process ${file.pid}) does not answer: is it hung or just starting?`,
      {
        cause,
      },
    )
  })
  if (response.status === 404) return undefined
  if (!response.ok) throw new AppError('unavailable', `The server (process ${file.pid}) answers ${response.status}.`)
  return response.json()
}

function isRunFile(value: unknown): value is RunFile {
  if (typeof value !== 'object' || value === null) return false
  return (
    'pid' in value &&
    typeof value.pid === 'number' &&
    'port' in value &&
    typeof value.port === 'number' &&
    'secret' in value &&
    typeof value.secret === 'string'
  )
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function notRunning(dataDir: string, cause?: unknown): AppError {
  return new AppError(
    'unavailable',
    `No Dunlin runs on ${dataDir}. Start it with \`dunlin serve\`, or name its data folder with --data-dir.`,
    { cause },
  )
}
