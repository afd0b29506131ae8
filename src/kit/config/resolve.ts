/**
 * From texts to values, without touching anything: flags win over the environment, the environment over the file.
 * Everything that is wrong is collected, so that one look tells all of it.
 */
import { parseConfigFile } from './config-file.ts'
import { flagOf, KEY_NAMES, keyNamed, type KeyName, type Values } from './keys.ts'
import { isMastodonOnly, isMeantForUs, nearest, nearestKey } from './known-names.ts'
import { ValueError, type ValueType } from './value-type.ts'

export interface Sources {
  /** By their names without dashes: `{ port: '3001' }`. */
  readonly flags: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly file?: { readonly path: string; readonly text: string; readonly mode: number }
  /** The text of a file named by KEY_FILE, and its permission bits. Throws when it cannot be read. */
  readSecret(path: string): { text: string; mode: number }
}

export interface Resolved {
  readonly values: Values
  /** Where each value comes from, in words: `flag --port`, `environment`, `dunlin.conf:3`, `preset`. */
  readonly origins: ReadonlyMap<KeyName, string>
  readonly problems: string[]
  readonly warnings: string[]
}

/** A text for a key, and the words for where it was. */
interface Found {
  readonly text: string
  readonly origin: string
}

/** One of the three places, with what it says by name. Names that do not belong there are reported by `places`. */
type Place = ReadonlyMap<string, Found>

/** Owner may write, owner and group may read; anything more is a secret no longer. */
const SECRET_MODE_MAX = 0o640

export function resolve(sources: Sources): Resolved {
  const problems: string[] = []
  const warnings: string[] = []
  const places = [
    flagPlace(sources, problems),
    environmentPlace(sources, problems),
    filePlace(sources, problems, warnings),
  ]
  const values = new Map<KeyName, unknown>()
  const origins = new Map<KeyName, string>()
  for (const name of KEY_NAMES) {
    const { type, preset, secret, unused } = keyNamed(name)
    values.set(name, preset)
    if (preset !== undefined) origins.set(name, 'preset')
    try {
      const found = firstOf(places, name, (path) => readSecretFile(path, sources), warnings)
      if (found === undefined) continue
      origins.set(name, found.origin)
      values.set(name, parse(name, found, type, secret === true))
      if (unused === true) warnings.push(`${name} (${found.origin}) is understood, but this version does not use it.`)
    } catch (error) {
      if (!(error instanceof ValueError)) throw error
      problems.push(error.message)
    }
  }
  return { values: Object.fromEntries(values) as Values, origins, problems, warnings } // every key was set above
}

/** Whether a file with these permission bits may hold a secret. */
export function isPrivate(mode: number): boolean {
  return (mode & 0o777 & ~SECRET_MODE_MAX) === 0
}

function parse(name: KeyName, found: Found, type: ValueType<unknown>, secret: boolean): unknown {
  try {
    return type.parse(found.text)
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    const shown = secret ? 'the value' : JSON.stringify(found.text)
    throw new ValueError(`${name} (${found.origin}): ${shown} must be ${error.message}.`)
  }
}

/** What the first place that knows `name` says. */
function firstOf(
  places: readonly Place[],
  name: KeyName,
  read: (path: Found) => Found,
  warnings: string[],
): Found | undefined {
  const { aliases = [], secret } = keyNamed(name)
  for (const place of places) {
    const said = [name, ...aliases].filter((spelling) => place.has(spelling))
    const [spelling, ...ignored] = said
    const direct = spelling === undefined ? undefined : place.get(spelling)
    const fromFile = secret === true ? place.get(`${name}_FILE`) : undefined
    if (ignored.length > 0 && name !== 'DUNLIN_ENV') warnings.push(`${spelling} is used, ${ignored.join(', ')} is not.`)
    if (direct !== undefined && fromFile !== undefined) {
      throw new ValueError(`${name} and ${name}_FILE (${fromFile.origin}) are both set: keep one of them.`)
    }
    if (direct !== undefined) return direct
    if (fromFile !== undefined) return read(fromFile)
  }
  return undefined
}

function readSecretFile(path: Found, sources: Sources): Found {
  let file: { text: string; mode: number }
  try {
    file = sources.readSecret(path.text)
  } catch (error) {
    throw new ValueError(
      `${path.text} (${path.origin}) cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  if (!isPrivate(file.mode)) {
    const mode = (file.mode & 0o777).toString(8)
    throw new ValueError(`${path.text} (${path.origin}) may be read by others (mode ${mode}): chmod 640 ${path.text}`)
  }
  return { text: file.text.replace(/\r?\n$/, ''), origin: `${path.origin}, ${path.text}` }
}

function flagPlace(sources: Sources, problems: string[]): Place {
  const byFlag = new Map(
    KEY_NAMES.map((name) => [flagOf(name), keyNamed(name).secret === true ? `${name}_FILE` : name]),
  )
  const place = new Map<string, Found>()
  for (const [flag, text] of Object.entries(sources.flags)) {
    const name = byFlag.get(flag)
    if (name !== undefined) {
      place.set(name, { text, origin: `flag --${flag}` })
      continue
    }
    const meant = nearest(flag, [...byFlag.keys()])
    problems.push(`--${flag} is not a flag.${meant === undefined ? '' : ` Did you mean --${meant}?`}`)
  }
  return place
}

function environmentPlace(sources: Sources, problems: string[]): Place {
  const place = new Map<string, Found>()
  for (const [name, text] of Object.entries(sources.env)) {
    if (text === undefined || text === '') continue // as Mastodon's sample file leaves what is not needed
    if (isKnown(name)) place.set(name, { text, origin: name.endsWith('_FILE') ? `environment ${name}` : 'environment' })
    else if (!isMastodonOnly(name) && isMeantForUs(name)) problems.push(unknownKey(name, 'environment'))
  }
  return place
}

function filePlace(sources: Sources, problems: string[], warnings: string[]): Place {
  const place = new Map<string, Found>()
  if (sources.file === undefined) return place
  const { path, text, mode } = sources.file
  const parsed = parseConfigFile(text)
  problems.push(...parsed.problems.map((problem) => `${path}:${problem.line}: ${problem.text}`))
  const ignored: string[] = []
  for (const entry of parsed.entries) {
    const origin = `${path}:${entry.line}`
    if (isMastodonOnly(entry.name)) ignored.push(entry.name)
    else if (!isKnown(entry.name)) problems.push(unknownKey(entry.name, origin))
    else if (place.has(entry.name)) problems.push(`${entry.name} (${origin}) is set a second time in this file.`)
    else if (entry.text !== '') place.set(entry.name, { text: entry.text, origin })
  }
  if (ignored.length > 0)
    warnings.push(`${path}: known from Mastodon and without a meaning here: ${ignored.join(', ')}.`)
  const holdsSecrets = KEY_NAMES.some((name) => keyNamed(name).secret === true && place.has(name))
  if (holdsSecrets && !isPrivate(mode))
    warnings.push(`${path} holds secrets and may be read by others: chmod 640 ${path}`)
  return place
}

function isKnown(name: string): boolean {
  return KEY_NAMES.some((keyName) => {
    const { aliases = [], secret } = keyNamed(keyName)
    return keyName === name || aliases.includes(name) || (secret === true && `${keyName}_FILE` === name)
  })
}

function unknownKey(name: string, origin: string): string {
  const meant = nearestKey(name.toUpperCase())
  return `${name} (${origin}) is not a setting.${meant === undefined ? '' : ` Did you mean ${meant}?`}`
}
