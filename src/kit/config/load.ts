/** Reading the configuration: the only part of it that touches the disk. */
import { readFileSync, statSync } from 'node:fs'
import { resolve as resolvePath } from 'node:path'

import { AppError } from '../errors.ts'
import { buildConfig, contradictions, type Config, type Secrets } from './config.ts'
import { KEY_NAMES, keyNamed, type KeyName, type Values } from './keys.ts'
import { resolve, type Resolved, type Sources } from './resolve.ts'
import { keptSecret, secretPath, vapidPublicKey } from './secrets.ts'

/** Read when it is there and `--config` (or DUNLIN_CONFIG) names no other. */
export const CONFIG_FILE = 'dunlin.conf'

export interface Invocation {
  /** Flags by name without dashes, `config` among them: `{ port: '3001', config: 'my.conf' }`. */
  readonly flags: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Relative paths count from here. */
  readonly cwd: string
}

export interface LoadedConfig {
  readonly config: Config
  readonly warnings: readonly string[]
}

/** One line of `dunlin config show`. */
export interface ConfigLine {
  readonly name: KeyName
  /** Fit to be shown: a secret is never in it. */
  readonly value: string
  readonly origin: string
  readonly about: string
}

export interface ConfigReport {
  readonly lines: readonly ConfigLine[]
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** The configuration to start with; secrets that do not exist yet are made. Throws `invalid` with every problem. */
export async function loadConfig(invocation: Invocation): Promise<LoadedConfig> {
  const { values, problems, warnings } = inspect(invocation)
  if (problems.length > 0) throw new AppError('invalid', `The configuration is wrong:\n${bullets(problems)}`)
  return { config: buildConfig(values, await secretsFor(values, invocation.cwd), invocation.cwd), warnings }
}

/** What `dunlin config check` and `config show` tell: it makes nothing and changes nothing. */
export function reportConfig(invocation: Invocation): ConfigReport {
  const { values, origins, problems, warnings } = inspect(invocation)
  const dataDir = resolvePath(invocation.cwd, values.DATA_DIR)
  const lines = KEY_NAMES.map((name): ConfigLine => {
    const { about, secret } = keyNamed(name)
    const value = values[name]
    const origin = origins.get(name)
    if (origin !== undefined) return { name, value: secret === true ? '(hidden)' : shown(value), origin, about }
    const isMade = name === 'SECRET_KEY_BASE' || name === 'VAPID_PRIVATE_KEY'
    return { name, value: isMade ? '(hidden)' : '', origin: isMade ? secretPath(dataDir, name) : 'not set', about }
  })
  return { lines, problems, warnings }
}

function inspect(invocation: Invocation): Resolved {
  const { config: configFlag, ...flags } = invocation.flags
  const named = configFlag ?? invocation.env['DUNLIN_CONFIG']
  const sources: Sources = {
    flags,
    env: invocation.env,
    readSecret: (path) => {
      const absolute = resolvePath(invocation.cwd, path)
      return { text: readFileSync(absolute, 'utf8'), mode: statSync(absolute).mode }
    },
  }
  const file = readConfigFile(named ?? CONFIG_FILE, invocation.cwd)
  // One that nobody named may be missing; one that is there and cannot be read would be passed over in silence.
  if ('problem' in file && (named !== undefined || !file.isMissing)) {
    const resolved = resolve(sources)
    return { ...resolved, problems: [file.problem, ...resolved.problems] }
  }
  const resolved = resolve('problem' in file ? sources : { ...sources, file })
  // Contradictions between values that are wrong themselves would only confuse.
  const problems = resolved.problems.length > 0 ? resolved.problems : contradictions(resolved.values)
  return { ...resolved, problems }
}

type ConfigFile = NonNullable<Sources['file']>

function readConfigFile(path: string, cwd: string): ConfigFile | { problem: string; isMissing: boolean } {
  const absolute = resolvePath(cwd, path)
  try {
    return { path, text: readFileSync(absolute, 'utf8'), mode: statSync(absolute).mode }
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return { problem: `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, isMissing }
  }
}

async function secretsFor(values: Values, cwd: string): Promise<Secrets> {
  const dataDir = resolvePath(cwd, values.DATA_DIR)
  const keyBase = values.SECRET_KEY_BASE ?? (await keptSecret(dataDir, 'SECRET_KEY_BASE'))
  const privateKey = values.VAPID_PRIVATE_KEY ?? (await keptSecret(dataDir, 'VAPID_PRIVATE_KEY'))
  const publicKey = vapidPublicKey(privateKey)
  if (values.VAPID_PUBLIC_KEY !== undefined && values.VAPID_PUBLIC_KEY !== publicKey) {
    throw new AppError('invalid', 'VAPID_PUBLIC_KEY does not belong to VAPID_PRIVATE_KEY: leave it out, or set both.')
  }
  return { keyBase, vapid: { publicKey, privateKey } }
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.join(',')
  if (typeof value === 'object' && value !== null && 'limit' in value && 'periodSeconds' in value) {
    return `${String(value.limit)}/${String(value.periodSeconds)}s`
  }
  return String(value)
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `  - ${line}`).join('\n')
}
