/**
 * The parameters of a request, wherever they came from: path over body over query. Readers give typed values or throw:
 * 400 for a missing one, 404 for an id that can name nothing, 422 for a value of the wrong type or size.
 */
import { AppError, notFound } from '../kit/errors.ts'
import { ID_MAX, parseId } from '../snowflake/contract.ts'
import type { Fields } from './form.ts'
import { NO_FIELDS } from './form.ts'

export interface UploadedFile {
  bytes: Buffer
  /** As the client called it: untrusted. */
  name: string
  /** As the client says: untrusted. */
  mime: string
}

/** Rails: these are false, an empty text is nothing, and anything else is true. */
const FALSE_VALUES: ReadonlySet<unknown> = new Set([false, 0, '0', 'f', 'F', 'false', 'FALSE', 'off', 'OFF'])

export class Params {
  readonly #fields: Fields
  readonly #files: ReadonlyMap<string, UploadedFile>

  constructor(fields: Fields, files: ReadonlyMap<string, UploadedFile> = new Map()) {
    this.#fields = fields
    this.#files = files
  }

  /** Whether the parameter was sent at all, even empty. */
  has(name: string): boolean {
    return this.raw(name) !== undefined || this.#files.has(name)
  }

  raw(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined
  }

  names(): string[] {
    return Object.keys(this.#fields)
  }

  /** Undefined when absent or null. Lone surrogates become U+FFFD and NUL goes; `max` counts code points. */
  text(name: string, limits: { max?: number } = {}): string | undefined {
    const value = this.raw(name)
    if (value === undefined || value === null) return undefined
    const text = asText(value, name)
    if (limits.max !== undefined && text.length > limits.max && codePoints(text) > limits.max) {
      throw invalid(name, `is too long (maximum is ${limits.max} characters)`)
    }
    return text
  }

  /** Throws `bad_request` when absent or blank, as Rails' `params.require`. */
  requireText(name: string, limits: { max?: number } = {}): string {
    const text = this.text(name, limits)
    if (text === undefined || text.trim() === '') throw missing(name)
    return text
  }

  bool(name: string): boolean | undefined {
    const value = this.raw(name)
    if (value === undefined || value === null || value === '') return undefined
    if (typeof value === 'object') throw invalid(name, 'must be true or false')
    return !FALSE_VALUES.has(value)
  }

  /** A whole number; blank is absent. Throws `invalid` for other text and outside the bounds. */
  int(name: string, bounds: { min?: number; max?: number } = {}): number | undefined {
    const text = this.text(name)?.trim()
    if (text === undefined || text === '') return undefined
    const number = /^[-+]?\d{1,15}$/.test(text) ? Number(text) : NaN
    if (Number.isNaN(number)) throw invalid(name, 'is not a number')
    if (bounds.min !== undefined && number < bounds.min) {
      throw invalid(name, `must be greater than or equal to ${bounds.min}`)
    }
    if (bounds.max !== undefined && number > bounds.max) {
      throw invalid(name, `must be less than or equal to ${bounds.max}`)
    }
    return number
  }

  /** A number with a fraction; blank is absent. */
  float(name: string): number | undefined {
    const text = this.text(name)?.trim()
    if (text === undefined || text === '') return undefined
    const number = /^[-+]?(\d{1,15}(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : NaN
    if (Number.isNaN(number)) throw invalid(name, 'is not a number')
    return number
  }

  /** The id, or `not_found`: a malformed id names nothing. */
  id<Id extends bigint>(name: string): Id {
    const id = this.optionalId<Id>(name)
    if (id === undefined) throw notFound()
    return id
  }

  /** Undefined when absent or blank; `not_found` when malformed. */
  optionalId<Id extends bigint>(name: string): Id | undefined {
    const text = this.text(name)
    if (text === undefined || text === '') return undefined
    const id = parseId<Id>(text)
    if (id === undefined) throw notFound()
    return id
  }

  /** Ids in the order sent, once each; malformed ones name nothing and are left out. Throws `invalid` above `max`. */
  ids<Id extends bigint>(name: string, max: number): Id[] {
    const ids = new Set<Id>()
    for (const text of this.texts(name, max)) {
      const id = parseId<Id>(text)
      if (id !== undefined) ids.add(id)
    }
    return [...ids]
  }

  /** A list; a single value counts as a list of one. Absent: empty. Throws `invalid` above `max` elements. */
  texts(name: string, max: number): string[] {
    return this.#list(name, max).map((value) => asText(value, name))
  }

  /** One of `choices`; blank is absent. Throws `invalid` for anything else. */
  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const text = this.text(name)
    if (text === undefined || text === '') return undefined
    const choice = choices.find((known) => known === text)
    if (choice === undefined) throw invalid(name, 'is not included in the list')
    return choice
  }

  /** A moment as ISO 8601; blank is absent. Milliseconds since 1970. */
  moment(name: string): number | undefined {
    const text = this.text(name)?.trim()
    if (text === undefined || text === '') return undefined
    const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN
    if (Number.isNaN(ms)) throw invalid(name, 'is not a valid date')
    return ms
  }

  file(name: string): UploadedFile | undefined {
    return this.#files.get(name)
  }

  /** The parameters below a name: `source[privacy]`. Empty when absent; throws `invalid` for a value that has none. */
  nested(name: string): Params {
    const value = this.raw(name)
    if (value === undefined || value === null || value === '') return new Params(NO_FIELDS)
    if (!isFields(value)) throw invalid(name, 'must be an object')
    return new Params(value)
  }

  /** A list of objects, as array or with index keys: `fields_attributes[0][name]`. Absent: undefined. */
  nestedList(name: string, max: number): Params[] | undefined {
    const value = this.raw(name)
    if (value === undefined || value === null) return undefined
    const items = isFields(value) ? indexed(value) : this.#list(name, max)
    if (items.length > max) throw invalid(name, `has too many elements (maximum is ${max})`)
    return items
      .filter((item) => item !== '')
      .map((item) => {
        if (!isFields(item)) throw invalid(name, 'must be a list of objects')
        return new Params(item)
      })
  }

  /**
   * An exclusive id cursor, cast as Ruby's `to_i` does it: leading digits count, other text is 0, and a number past 64
   * bits is the largest id. Undefined when absent or blank.
   */
  cursor(name: string): bigint | undefined {
    const value = this.raw(name)
    if (value === undefined || value === null || value === '') return undefined
    const digits = /^\s*(-?\d{1,40})/.exec(asText(value, name))?.[1]
    const id = digits === undefined ? 0n : BigInt(digits)
    if (id < 0n) return 0n
    return id > ID_MAX ? ID_MAX : id
  }

  #list(name: string, max: number): unknown[] {
    const value = this.raw(name)
    if (value === undefined || value === null || value === '') return []
    const list: unknown[] = Array.isArray(value) ? value : isFields(value) ? indexed(value) : [value]
    if (list.length > max) throw invalid(name, `has too many elements (maximum is ${max})`)
    return list.filter((item) => item !== null && item !== '')
  }
}

/** `Validation failed: Field name is …`, as Rails words it. */
export function invalid(name: string, fault: string): AppError {
  const words = name
    .replaceAll(/[_\s]+/g, ' ')
    .trim()
    .slice(0, 60)
  return new AppError('invalid', `Validation failed: ${words.charAt(0).toUpperCase()}${words.slice(1)} ${fault}`)
}

function missing(name: string): AppError {
  return new AppError('bad_request', `param is missing or the value is empty: ${name}`)
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The values of an object whose keys are indices, in their order. */
function indexed(fields: Fields): unknown[] {
  return Object.keys(fields)
    .filter((key) => /^\d{1,9}$/.test(key))
    .sort((one, other) => Number(one) - Number(other))
    .map((key) => fields[key])
}

function asText(value: unknown, name: string): string {
  switch (typeof value) {
    case 'string':
      return clean(value)
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value)
    default:
      throw invalid(name, 'must be a text')
  }
}

/** PostgreSQL takes neither NUL nor half a surrogate pair. */
function clean(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed()
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '') : wellFormed
}

function codePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
