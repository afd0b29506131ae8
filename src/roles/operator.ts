import type { Order } from '../earlybird/contract.ts'
import type { Earlybird } from '../earlybird/open.ts'
/** What an operator asks of the running system from the command line: to search as somebody, and to look after the index. */
import type { IndexRun } from '../ingester/contract.ts'
import { documentSource } from '../ingester/source.ts'
import { IndexUpkeep } from '../ingester/upkeep.ts'
import type { Engines } from './engines.ts'
import type { Serving } from './serving.ts'

/** Can be posted to a thread. */
export type OperatorCommand =
  /** `as` undefined: a stranger. */
  | { name: 'search'; text: string; as: string | undefined; order: Order; limit: number }
  | { name: 'index'; act: 'status' | IndexRun['kind'] }

export type Operator = (command: OperatorCommand) => Promise<unknown>

/** Answers are JSON; undefined when there is nobody of that name. */
export function openOperator(
  serving: Pick<Serving, 'blender' | 'media' | 'people' | 'statuses'>,
  index: Earlybird,
  { clock, log }: Engines,
  resources: AsyncDisposableStack,
): Operator {
  const { media, people, statuses } = serving
  const source = documentSource({ accounts: people.accounts, statuses, media })
  const upkeep = resources.use(new IndexUpkeep({ source, reader: index.reader, writer: index.writer, clock, log }))
  return async (command) => {
    if (command.name === 'search') return searched(serving, command)
    if (command.act === 'status') {
      const { segments, ...state } = index.reader.state()
      const shown = segments.map(({ newest, oldest, ...segment }) => ({
        ...segment,
        newest: newest?.toString() ?? null,
        oldest: oldest?.toString() ?? null,
      }))
      return { ...state, segments: shown, statuses: await serving.statuses.totalStatuses(), run: upkeep.state ?? null }
    }
    return { started: upkeep.start(command.act) }
  }
}

async function searched(
  { blender, people }: Pick<Serving, 'blender' | 'people'>,
  { text, as, order, limit }: Extract<OperatorCommand, { name: 'search' }>,
): Promise<unknown> {
  const account = as === undefined ? undefined : await people.accounts.byUsername(as)
  if (as !== undefined && account === undefined) return undefined
  const found = await blender.statuses({ text, viewer: account?.id, order, limit, offset: 0 })
  return {
    ...found,
    statuses: found.statuses.map(({ status, author }) => ({
      id: status.id.toString(),
      account: author.account.username,
      createdAtMs: status.createdAtMs,
      visibility: status.visibility,
      text: status.text,
    })),
  }
}
