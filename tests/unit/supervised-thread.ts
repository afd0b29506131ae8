/** A thread that does nothing but what the test says in `version`. */
import { workerData } from 'node:worker_threads'

import { AppError } from '../../src/kit/errors.ts'
import type { ThreadSetup } from '../../src/roles/threads/messages.ts'
import { runThread } from '../../src/roles/threads/thread.ts'

const { version, name } = workerData as ThreadSetup

await runThread(async () => {
  if (version === 'cannot open') throw new AppError('conflict', 'it cannot be opened')
  return {
    async listen() {
      if (version === 'dies' && name === 'api-1') setImmediate(die)
    },
    state: async () => ({ checks: { well: true }, requests: 7, streams: null, background: null }),
    life: async (id) => ({ id }),
  }
})

function die(): never {
  throw new Error('as the test wants it')
}
