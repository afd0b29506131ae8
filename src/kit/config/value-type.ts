export interface ValueType<Value> {
  /** Completes the sentence "it must be …". */
  readonly expected: string
  parse(text: string): Value
}

/** A text that a key does not take. Its message completes "it must be …" and never repeats the text: it may be secret. */
export class ValueError extends Error {}
