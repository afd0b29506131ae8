/** One event as bytes for both transports, each made once and then written to every connection that hears it. */

const TEXT_FRAME = 0x81
/** A ping without a body. */
export const PING = Buffer.from([0x89, 0x00])
export const THUMP = Buffer.from(':thump\n')

/**
 * `payload` is text of one line: JSON, or the bare id of what was deleted. Some events have none; a server-sent event
 * without data would not be dispatched by browsers, so that one carries an empty object there.
 */
export class Frames {
  readonly #event: string
  readonly #payload: string | undefined
  readonly #id: bigint
  readonly #sockets = new Map<string, Buffer>()
  #sse: Buffer | undefined
  #tail: string | undefined

  constructor(event: string, payload: string | undefined, id: bigint) {
    this.#event = event
    this.#payload = payload
    this.#id = id
  }

  /** `id` lets a client that comes back say what it has seen. */
  get sse(): Buffer {
    const data = this.#payload ?? '{}'
    this.#sse ??= Buffer.from(`id: ${this.#id}\nevent: ${this.#event}\ndata: ${data}\n\n`)
    return this.#sse
  }

  socket(names: readonly string[]): Buffer {
    const stream = names.length === 1 ? `["${names[0]}"]` : JSON.stringify(names)
    const known = this.#sockets.get(stream)
    if (known !== undefined) return known
    // The payload is text within text; escaping it is the dear part, and the same for every name.
    this.#tail ??= `,"event":"${this.#event}"${this.#payload === undefined ? '' : `,"payload":${JSON.stringify(this.#payload)}`}}`
    const frame = textFrame(`{"stream":${stream}${this.#tail}`)
    this.#sockets.set(stream, frame)
    return frame
  }
}

/** An unmasked text frame (RFC 6455 §5.2). */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const headBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(headBytes + length)
  frame[0] = TEXT_FRAME
  if (headBytes === 2) {
    frame[1] = length
  } else if (headBytes === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.write(text, headBytes)
  return frame
}
