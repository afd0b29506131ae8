#!/usr/bin/env node
/** The `dunlin` command: prepares the clone when needed, then becomes src/main.ts on the pinned Node. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

import { PINNED_NODE, prepareOrExit, ROOT } from './prepare.mjs'

await prepareOrExit({ withDev: false })
const argv = [join(ROOT, 'src', 'main.ts'), ...process.argv.slice(2)]
// Where this Node can, the process becomes the other; before Node 22.15 it stays as parent and passes signals on.
if (typeof process.execve === 'function') process.execve(PINNED_NODE, [PINNED_NODE, ...argv], process.env)
const child = spawn(PINNED_NODE, argv, { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.once('error', (error) => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
child.once('exit', (code, signal) => {
  // As a shell would say it, so that whoever started us sees how it ended.
  if (signal === null) process.exit(code ?? 1)
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name)
  process.kill(process.pid, signal)
})
