/** `dunlin push …`: whether phones can be reached. */
import type { Command } from 'commander'

import { systemClock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import type { PushOutcome } from '../mobile-push/contract.ts'
import { openPush } from '../roles/push.ts'
import { requireAccount } from './accounts-commands.ts'
import { defineCommand, type Run, type Shell } from './command.ts'
import { openWorld } from './open.ts'
import { table } from './terminal.ts'

export function pushCommands(program: Command, shell: Shell): void {
  const push = program.command('push').description('push notifications to phones and browsers')
  defineCommand(
    shell,
    push
      .command('test <username>')
      .description('send a test message to every device of an account, and tell what came of it'),
    test,
  )
}

const WORDS: Readonly<Record<PushOutcome['outcome'], string>> = {
  delivered: 'delivered',
  failed: 'not now',
  given_up: 'refused',
  gone: 'ended: the device does not want to hear any more',
}

async function test(run: Run, [username = '']: readonly string[]): Promise<void> {
  await using world = await openWorld(run)
  await using resources = new AsyncDisposableStack()
  const account = await requireAccount(world.block.accounts, username)
  const push = openPush(world.config, { clock: systemClock, database: world.database }, resources)
  const subscriptions = await push.of(account.id)
  if (subscriptions.length === 0) {
    throw new AppError('not_found', `No device of @${account.username} has asked to be pushed to.`)
  }
  const sent = await Promise.all(
    subscriptions.map(async (subscription) => {
      const { outcome, status, tookMs } = await push.test(subscription)
      const service = new URL(subscription.endpoint).host
      return { id: subscription.id, service, outcome, status, tookMs: Math.round(tookMs) }
    }),
  )
  run.answer(sent, () =>
    table(
      ['Id', 'Push service', 'Outcome', 'Status', 'Took'],
      sent.map(({ id, service, outcome, status, tookMs }) => [
        String(id),
        service,
        WORDS[outcome],
        status === null ? 'no answer' : String(status),
        `${tookMs} ms`,
      ]),
    ),
  )
  if (sent.some(({ outcome }) => outcome !== 'delivered'))
    throw new AppError('unavailable', 'Not every device was reached.')
}
