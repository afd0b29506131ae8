/** The life of one thread: opens what it is for, does what the supervisor says, and ends. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'

import { AppError } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { StatusId } from '../../snowflake/contract.ts'
import { openLog } from '../log.ts'
import type { OperatorCommand } from '../operator.ts'
import type { DeskEnd } from './desk-messages.ts'
import type { FromThread, Lines, ThreadSetup, ToThread } from './messages.ts'
import { SiblingLinks } from './sibling-links.ts'
import { LOOK_EVERY_MS, ownFigures, type ThreadState } from './thread-state.ts'

export interface ThreadWorld {
  setup: ThreadSetup
  log: Log
  links: SiblingLinks
  resources: AsyncDisposableStack
  /** Who takes the lines to and from the background thread; called for those there are, and for each that comes. */
  takeDesks: (take: (end: DeskEnd) => void) => void
}

export interface OpenThread {
  listen(): Promise<void>
  state(): Promise<Pick<ThreadState, 'checks' | 'requests' | 'streams' | 'background'>>
  life(status: StatusId): Promise<unknown>
  /** Only in the background thread. */
  command?(command: OperatorCommand): Promise<unknown>
}

/** Runs until the supervisor says 'stop'. What `open` throws is told to it. */
export async function runThread(open: (world: ThreadWorld) => Promise<OpenThread>): Promise<void> {
  const port = parentPort
  if (port === null) throw new Error('this file runs as a thread of `dunlin serve`')
  const setup = workerData as ThreadSetup // what the supervisor gave
  const log = openLog(setup.config, { thread: setup.name, isTerminal: setup.isTerminal })
  const links = new SiblingLinks()
  const desks: DeskEnd[] = []
  let takeDesk = (end: DeskEnd): void => void desks.push(end)
  const connect = (lines: Lines): void => {
    for (const end of lines.siblings) links.connect(end)
    for (const end of lines.desks) takeDesk(end)
  }
  const post = (message: FromThread): void => port.postMessage(message)
  connect(setup.lines)
  await using resources = new AsyncDisposableStack()
  resources.use(links)
  const loopDelay = monitorEventLoopDelay({ resolution: LOOK_EVERY_MS })
  loopDelay.enable()
  const stopped = Promise.withResolvers<void>()
  let opened: OpenThread | undefined
  port.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'lines':
        connect(message.lines)
        post({ kind: 'connected' })
        return
      case 'stop':
        stopped.resolve()
        return
      case 'listen':
        void opened?.listen().then(() => post({ kind: 'listening' }), failed)
        return
      case 'state':
      case 'life':
      case 'command':
        if (opened !== undefined) void answer(opened, message)
    }
  })
  const answer = async (thread: OpenThread, question: Extract<ToThread, { id: number }>): Promise<void> => {
    post({ kind: 'answer', id: question.id, answer: await answerTo(thread, question, { log, loopDelay }) })
  }
  const failed = (error: unknown): void => {
    const isOurs = error instanceof AppError
    const text = error instanceof Error ? error.message : String(error)
    if (!isOurs) log.error({ event: 'thread.failed', err: error })
    post({ kind: 'failed', code: isOurs ? error.code : 'unavailable', text })
  }
  const takeDesks = (take: (end: DeskEnd) => void): void => {
    takeDesk = take
    for (const end of desks.splice(0)) take(end)
  }
  try {
    opened = await open({ setup, log, links, resources, takeDesks })
    links.startHearing()
    post({ kind: 'opened' })
  } catch (error) {
    failed(error)
    stopped.resolve()
  }
  await stopped.promise
  await resources.disposeAsync()
  // Nothing is left to do, whatever still holds the event loop.
  process.exit(0)
}

async function answerTo(
  thread: OpenThread,
  question: Extract<ToThread, { id: number }>,
  { log, loopDelay }: { log: Log; loopDelay: ReturnType<typeof monitorEventLoopDelay> },
): Promise<unknown> {
  switch (question.kind) {
    case 'state':
      return { ...(await thread.state()), ...ownFigures(loopDelay) } satisfies ThreadState
    case 'life':
      return thread.life(question.status as StatusId)
    case 'command':
      return thread.command?.(question.command).catch((error: unknown) => {
        log.warn({ event: 'thread.command_failed', command: question.command.name, err: error })
      })
  }
}
