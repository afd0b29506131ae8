/** What a block needs of a log; pino satisfies it. One JSON line an event, no post text, no secrets. */
export interface Log {
  debug(fields: object, text?: string): void
  info(fields: object, text?: string): void
  warn(fields: object, text?: string): void
  error(fields: object, text?: string): void
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
