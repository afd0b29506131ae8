/** `dunlin accounts …`: people, as the operator sees them. */
import { randomBytes } from 'node:crypto'

import type { Command } from 'commander'

import type { AccountRecord, Accounts, Role, UserRecord } from '../accounts/contract.ts'
import type { Config } from '../kit/config/config.ts'
import { AppError } from '../kit/errors.ts'
import { parseId, type AccountId } from '../snowflake/contract.ts'
import { defineCommand, textFlag, type Run, type Shell } from './command.ts'
import { openWorld } from './open.ts'
import { table, UsageError } from './terminal.ts'

/** 144 bits: nobody guesses it, and nobody has to remember it. */
const PASSWORD_BYTES = 18
const LIST_LIMIT_PRESET = 100
const LIST_LIMIT_MAX = 10_000
/** Rows of one statement. */
const LIST_PAGE = 500

const ROLES: readonly Role[] = ['user', 'moderator', 'admin', 'owner']

export function accountsCommands(program: Command, shell: Shell): void {
  const accounts = program.command('accounts').description('people: make, list and manage them')
  defineCommand(
    shell,
    accounts
      .command('create <username>')
      .description('make an account that is confirmed and approved; prints its password once')
      .option('--email <address>', 'e-mail address to sign in with; USERNAME@DOMAIN when not given')
      .option('--role <role>', `one of ${ROLES.join(', ')}`, 'user')
      .option('--locale <language>', 'language of the account', 'en')
      .option('--password-stdin', 'take the password from standard input instead of making one'),
    create,
  )
  defineCommand(
    shell,
    accounts
      .command('list')
      .description('list accounts, newest first')
      .option('--limit <number>', 'how many', `${LIST_LIMIT_PRESET}`),
    list,
  )
  defineCommand(
    shell,
    accounts
      .command('reset-password <username>')
      .description('set a new password and end every session and token; prints it once')
      .option('--password-stdin', 'take the password from standard input instead of making one'),
    resetPassword,
  )
  defineCommand(
    shell,
    accounts.command('role <username> <role>').description(`change a role: ${ROLES.join(', ')}`),
    changeRole,
  )
  stateCommands(accounts, shell)
}

type Change = (accounts: Accounts, id: AccountId) => Promise<void>

function stateCommands(accounts: Command, shell: Shell): void {
  const changes: Record<string, { about: string; done: string; change: Change }> = {
    approve: {
      about: 'let somebody in who waits for approval',
      done: 'is approved',
      change: (of, id) => of.approve(id),
    },
    confirm: {
      about: 'take an e-mail address as confirmed',
      done: 'has a confirmed e-mail address',
      change: (of, id) => of.confirm(id),
    },
    disable: {
      about: 'keep somebody from signing in; what they wrote stays',
      done: 'cannot sign in any more',
      change: (of, id) => of.setDisabled(id, true),
    },
    enable: { about: 'undo disable', done: 'can sign in again', change: (of, id) => of.setDisabled(id, false) },
    suspend: {
      about: 'hide somebody and all they wrote',
      done: 'is suspended',
      change: (of, id) => of.setSuspended(id, true),
    },
    unsuspend: { about: 'undo suspend', done: 'is back', change: (of, id) => of.setSuspended(id, false) },
  }
  for (const [verb, { about, done, change }] of Object.entries(changes)) {
    defineCommand(shell, accounts.command(`${verb} <username>`).description(about), async (run, [username = '']) => {
      await using world = await openWorld(run)
      const account = await requireAccount(world.block.accounts, username)
      await change(world.block.accounts, account.id)
      run.answer({ id: account.id, username: account.username, done: verb }, () => `@${account.username} ${done}.`)
    })
  }
}

async function create(run: Run, [username = '']: readonly string[]): Promise<void> {
  const role = readRole(textFlag(run, 'role') ?? 'user')
  const given = await givenPassword(run)
  await using world = await openWorld(run)
  const { accounts } = world.block
  const password = given ?? newPassword()
  const email = textFlag(run, 'email') ?? `${username}@${mailDomain(world.config)}`
  const locale = textFlag(run, 'locale') ?? 'en'
  const account =
    role === 'owner'
      ? await accounts.createOwner({ username, email, password, locale })
      : await accounts.signUp({
          username,
          email,
          password,
          locale,
          role,
          reason: '',
          confirmed: true,
          approved: true,
          indexable: false,
          mayUseReservedName: true,
        })
  const made = { id: account.id, username: account.username, email, role, ...(given === undefined && { password }) }
  run.answer(made, () =>
    [
      `Made @${account.username} (${role}, id ${account.id}), who signs in as ${email}.`,
      ...(given === undefined ? [`Password, shown only this once: ${password}`] : []),
    ].join('\n'),
  )
}

async function list(run: Run): Promise<void> {
  const limit = readLimit(textFlag(run, 'limit') ?? '')
  await using world = await openWorld(run)
  const rows: { account: AccountRecord; user: UserRecord }[] = []
  while (rows.length < limit) {
    const page = { maxId: rows.at(-1)?.account.id, limit: Math.min(LIST_PAGE, limit - rows.length) }
    const next = await world.block.accounts.list(page)
    rows.push(...next)
    if (next.length < page.limit) break
  }
  const shown = rows.map(({ account, user }) => ({
    id: account.id,
    username: account.username,
    email: user.email,
    role: user.role,
    state: stateOf(account, user),
    createdAt: new Date(account.createdAtMs).toISOString(),
  }))
  run.answer(shown, () =>
    table(
      ['ID', 'USERNAME', 'E-MAIL', 'ROLE', 'STATE', 'CREATED'],
      shown.map((row) => [row.id.toString(), row.username, row.email, row.role, row.state, row.createdAt.slice(0, 10)]),
    ),
  )
}

async function resetPassword(run: Run, [username = '']: readonly string[]): Promise<void> {
  const given = await givenPassword(run)
  await using world = await openWorld(run)
  const account = await requireAccount(world.block.accounts, username)
  const password = given ?? newPassword()
  await world.block.accounts.resetPassword(account.id, password)
  const done = { id: account.id, username: account.username, ...(given === undefined && { password }) }
  run.answer(done, () =>
    [
      `@${account.username} has a new password; every session and token has ended.`,
      ...(given === undefined ? [`Password, shown only this once: ${password}`] : []),
    ].join('\n'),
  )
}

async function changeRole(run: Run, [username = '', wanted = '']: readonly string[]): Promise<void> {
  const role = readRole(wanted)
  await using world = await openWorld(run)
  const account = await requireAccount(world.block.accounts, username)
  await world.block.accounts.setRole(account.id, role)
  run.answer({ id: account.id, username: account.username, role }, () => `@${account.username} is now ${role}.`)
}

/** By name (with or without @) or by id. Throws `not_found` with a hint. */
export async function requireAccount(accounts: Accounts, named: string): Promise<AccountRecord> {
  const username = named.replace(/^@/, '')
  const id = parseId<AccountId>(named)
  const account =
    (await accounts.byUsername(username)) ?? (id === undefined ? undefined : (await accounts.byIds([id]))[0])
  if (account === undefined) {
    throw new AppError(
      'not_found',
      `There is no account called ${username}. \`dunlin accounts list\` shows who is here.`,
    )
  }
  return account
}

/** The domain of addresses here: the one of accounts, without a port. */
function mailDomain(config: Pick<Config, 'localDomain'>): string {
  return config.localDomain.replace(/:\d+$/, '')
}

function stateOf(account: AccountRecord, user: UserRecord): string {
  if (account.suspended) return 'suspended'
  if (user.disabled) return 'disabled'
  if (!user.confirmed) return 'unconfirmed'
  return user.approved ? 'ok' : 'waits for approval'
}

function readRole(text: string): Role {
  const role = ROLES.find((known) => known === text)
  if (role === undefined) throw new UsageError(`${text} is no role: take one of ${ROLES.join(', ')}.`)
  return role
}

function readLimit(text: string): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : NaN
  if (!(limit >= 1 && limit <= LIST_LIMIT_MAX)) {
    throw new UsageError(`--limit must be a number from 1 to ${LIST_LIMIT_MAX}.`)
  }
  return limit
}

/** Never an argument: those are seen by everybody on the machine, and kept in histories. */
async function givenPassword(run: Run): Promise<string | undefined> {
  if (run.flags['passwordStdin'] !== true) return undefined
  const password = await run.terminal.firstLine()
  if (password === '') throw new UsageError('--password-stdin: the first line of standard input is empty.')
  return password
}

function newPassword(): string {
  return randomBytes(PASSWORD_BYTES).toString('base64url')
}
