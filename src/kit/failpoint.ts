/**
 * Crash points for the fault tests (W1–W17 of reliability §5): with `FAIL_AT=W7` in the environment this process ends
 * itself by SIGKILL when it reaches `failpoint('W7')`, with `FAIL_AT=W7:3` when it reaches it for the third time.
 * SIGKILL, because nothing may be tidied up: that is the point. Without FAIL_AT a call is one comparison.
 */
interface Armed {
  readonly name: string
  /** How many times the point is still passed unharmed. */
  passes: number
}

// The one counter that lives in a module: every place in the source must meet the same one.
const armed = parseFailAt(process.env['FAIL_AT'])

export function failpoint(name: string): void {
  if (armed === undefined || armed.name !== name) return
  if (armed.passes > 0) armed.passes -= 1
  else process.kill(process.pid, 'SIGKILL')
}

function parseFailAt(text: string | undefined): Armed | undefined {
  if (text === undefined || text === '') return undefined
  const [, name, hit = '1'] = /^(\w+)(?::([1-9]\d{0,8}))?$/.exec(text) ?? []
  if (name === undefined) throw new Error(`FAIL_AT=${text}: expected a name as W7, or W7:3 for its third time`)
  return { name, passes: Number(hit) - 1 }
}
