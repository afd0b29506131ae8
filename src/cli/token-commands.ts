/** `dunlin token …`: access tokens made and ended by the operator, for bots, tests and monitoring. */
import type { Command } from 'commander'

import { OOB_REDIRECT } from '../accounts/contract.ts'
import { AppError } from '../kit/errors.ts'
import { parseId } from '../snowflake/contract.ts'
import { requireAccount } from './accounts-commands.ts'
import { defineCommand, textFlag, type Run, type Shell } from './command.ts'
import { openWorld } from './open.ts'
import { UsageError } from './terminal.ts'

const SCOPES_PRESET = 'read write follow push'

export function tokenCommands(program: Command, shell: Shell): void {
  const token = program.command('token').description('access tokens')
  defineCommand(
    shell,
    token
      .command('create <username>')
      .description('make an access token of an account; prints it once')
      .option('--scopes <scopes>', 'OAuth scopes, separated by spaces or commas', SCOPES_PRESET)
      .option('--app <name>', 'name of the app that statuses show', 'Command line'),
    create,
  )
  defineCommand(
    shell,
    token
      .command('revoke [id]')
      .description('end an access token, by its id or by itself; streams it holds are cut')
      .option('--token-stdin', 'take the token itself from standard input'),
    revoke,
  )
}

async function create(run: Run, [username = '']: readonly string[]): Promise<void> {
  const scopes = (textFlag(run, 'scopes') ?? SCOPES_PRESET).split(/[\s,+]+/).filter((scope) => scope !== '')
  if (scopes.length === 0) throw new UsageError(`--scopes is empty: name some, as in --scopes "${SCOPES_PRESET}".`)
  const name = textFlag(run, 'app') ?? 'Command line'
  await using world = await openWorld(run)
  const { accounts, oauth } = world.block
  const account = await requireAccount(accounts, username)
  const { app } = await oauth.registerApp({ name, website: null, redirectUris: [OOB_REDIRECT], scopes })
  const issued = await oauth.issueToken(app, account.id, scopes)
  const made = {
    id: issued.id,
    token: issued.token,
    scopes: issued.scopes,
    account: { id: account.id, username: account.username },
    createdAt: new Date(issued.createdAtMs).toISOString(),
  }
  run.answer(made, () =>
    [
      `Made a token of @${account.username} with the scopes ${issued.scopes.join(' ')}.`,
      `Token, shown only this once: ${issued.token}`,
      `It can be ended with: dunlin token revoke ${issued.id}`,
    ].join('\n'),
  )
}

async function revoke(run: Run, [named]: readonly string[]): Promise<void> {
  const fromInput = run.flags['tokenStdin'] === true
  if (fromInput === (named !== undefined)) throw new UsageError('Give the id of the token, or --token-stdin.')
  const secret = fromInput ? (await run.terminal.firstLine()).trim() : undefined
  const givenId = named === undefined ? undefined : parseId(named)
  if (named !== undefined && givenId === undefined) {
    throw new UsageError(
      'The id of a token is a number; a token itself is read from standard input with --token-stdin.',
    )
  }
  await using world = await openWorld(run)
  const { oauth } = world.block
  const identity = secret === undefined ? undefined : await oauth.identify(secret)
  const id = typeof identity === 'object' ? identity.tokenId : givenId
  const isEnded = identity === 'revoked' || (id !== undefined && (await oauth.revokeTokenById(id)))
  if (!isEnded) throw new AppError('not_found', 'There is no such token, or it has ended already.')
  run.answer({ id: id ?? null, revoked: true }, () => 'The token has ended.')
}
