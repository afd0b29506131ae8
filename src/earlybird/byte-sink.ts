/** Bytes of unknown number, appended. */
export class ByteSink {
  #bytes: Uint8Array
  length = 0

  constructor(capacity = 1 << 16) {
    this.#bytes = new Uint8Array(capacity)
  }

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  /** Seven bits a byte, the lowest first; the highest bit says that another byte follows. */
  variable(value: number): void {
    this.#reserve(5)
    let rest = value
    while (rest > 0x7f) {
      this.#bytes[this.length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.length++] = rest
  }

  append(from: Uint8Array, at: number, length: number): void {
    this.#reserve(length)
    for (let n = 0; n < length; n++) this.#bytes[this.length + n] = from[at + n] ?? 0
    this.length += length
  }

  #reserve(bytes: number): void {
    if (this.length + bytes <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + bytes))
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

/** 32-bit words of unknown number, appended. */
export class WordSink {
  #words: Uint32Array
  length = 0

  constructor(capacity = 1 << 12) {
    this.#words = new Uint32Array(capacity)
  }

  get written(): Uint32Array {
    return this.#words.subarray(0, this.length)
  }

  at(index: number): number {
    return this.#words[index] ?? 0
  }

  push(word: number): void {
    if (this.length === this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2)
      larger.set(this.#words)
      this.#words = larger
    }
    this.#words[this.length++] = word
  }

  clear(): void {
    this.length = 0
  }
}
