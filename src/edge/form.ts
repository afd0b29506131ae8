import qs from 'qs'

/** Query strings and forms in Rails' notation: `a[]=1`, `poll[options][]=x`, `fields[0][name]=y`, with bounds. */
import { AppError } from '../kit/errors.ts'

/** Levels of brackets after the first name. */
const FORM_DEPTH_MAX = 5
export const FORM_FIELDS_MAX = 1000

export type Fields = Readonly<Record<string, unknown>>

/** Objects have no prototype, so that `__proto__` and `constructor` are names like any other. */
export const NO_FIELDS: Fields = Object.freeze(Object.create(null))

/** Parses an urlencoded text; throws `bad_request` above the bounds. */
export function parseForm(text: string): Fields {
  if (text === '') return NO_FIELDS
  try {
    return qs.parse(numberObjects(text), {
      plainObjects: true,
      allowPrototypes: false,
      depth: FORM_DEPTH_MAX,
      strictDepth: true,
      parameterLimit: FORM_FIELDS_MAX,
      arrayLimit: FORM_FIELDS_MAX,
      throwOnLimitExceeded: true,
    })
  } catch (error) {
    throw new AppError('bad_request', 'The form has too many fields or levels', { cause: error })
  }
}

const LIST_OF_OBJECTS = /^(.*?)(\[\]|%5B%5D)(?=\[|%5B)/i

/**
 * `k[][a]=1&k[][b]=2&k[][a]=3` are two objects to Rails: a name that comes again begins the next one. `qs` would make an
 * object of each, so they are numbered here: `k[0][a]=1&k[0][b]=2&k[1][a]=3`.
 */
function numberObjects(text: string): string {
  if (!/\[\]\[|%5B%5D%5B/i.test(text)) return text
  const lists = new Map<string, { index: number; seen: Set<string> }>()
  const fields = text.split('&').map((field) => {
    const at = field.indexOf('=')
    const name = at < 0 ? field : field.slice(0, at)
    const list = LIST_OF_OBJECTS.exec(name)
    if (list === null) return field
    const [matched, prefix = ''] = list
    const rest = name.slice(matched.length)
    const state = lists.get(prefix) ?? { index: 0, seen: new Set<string>() }
    lists.set(prefix, state)
    if (state.seen.has(rest) && !/(\[\]|%5B%5D)$/i.test(rest)) {
      state.index += 1
      state.seen.clear()
    }
    state.seen.add(rest)
    return `${prefix}[${state.index}]${rest}${at < 0 ? '' : field.slice(at)}`
  })
  return fields.join('&')
}

/** Parses pairs of a multipart form, whose names use the same brackets. */
export function parsePairs(pairs: readonly (readonly [name: string, value: string])[]): Fields {
  return parseForm(pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&'))
}
