/** The outbox' rows as a part of somebody else's statement, so that rows and what tells of them take one round trip. */
import { fixedSql, type SqlFragment } from '../database/contract.ts'
import type { OutboxMessage } from './contract.ts'

/**
 * A data-modifying `with` query of the name `told`, with a comma before it, that writes the messages in their order, after
 * `after` has run: a scalar query over what takes the locks by which messages of one key are ordered.
 */
export function appending(messages: readonly OutboxMessage[], after: SqlFragment): SqlFragment {
  return fixedSql`,
    told as (
      insert into outbox (key, type, version, body)
      select key, type, version, body
      from unnest(
        ${messages.map(({ key }) => key)}::int8[],
        ${messages.map(({ type }) => type)}::text[],
        ${messages.map(({ version }) => version)}::int2[],
        ${messages.map(({ body }) => body)}::text[]
      ) with ordinality as message (key, type, version, body, place), (${after}) as before
      order by place
    )`
}
