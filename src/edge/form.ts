import qs from 'qs'

/** Query strings and forms in Rails' notation: `a[]=1`, `poll[options][]=x`, `fields[0][name]=y`, with bounds. */
import { AppError } from '../kit/errors.ts'

/** Levels of brackets after the first name. */
export const FORM_DEPTH_MAX = 5
export const FORM_FIELDS_MAX = 1000

export type Fields = Readonly<Record<string, unknown>>

/** Objects have no prototype, so that `__proto__` and `constructor` are names like any other. */
export const NO_FIELDS: Fields = Object.freeze(Object.create(null))

/** Parses an urlencoded text; throws `bad_request` above the bounds. */
export function parseForm(text: string): Fields {
  if (text === '') return NO_FIELDS
  try {
    return qs.parse(text, {
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

/** Parses pairs of a multipart form, whose names use the same brackets. */
export function parsePairs(pairs: readonly (readonly [name: string, value: string])[]): Fields {
  return parseForm(pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&'))
}
