/**
 * The domain in account names. Names and links that people hold, tokens of apps and texts with `@name@domain` all count on
 * it, so the database remembers under which it was begun.
 */
import type { Db } from '../engines/database/contract.ts'
import { isThisMachine } from '../kit/config/config.ts'
import { AppError } from '../kit/errors.ts'

/**
 * Remembers the domain at the first start, and while there are no accounts. Throws `conflict` when the accounts have
 * another one, unless `mayChange`. On this machine the port may change: it is part of `localhost:3000` only because every
 * server there needs one of its own.
 */
export async function keepLocalDomain(db: Db, domain: string, mayChange: boolean): Promise<void> {
  const kept = await db.one<{ domain: string }>`
    insert into local_domain (domain) values (${domain})
    on conflict (single) do update set domain = case
      when ${mayChange} or not exists (select from accounts) then excluded.domain else local_domain.domain
    end
    returning domain`
  if (kept === undefined || isSameDomain(kept.domain, domain)) return
  throw new AppError(
    'conflict',
    `The accounts of this server are at ${kept.domain}, but LOCAL_DOMAIN is ${domain} now. Apps and links that people ` +
      `have would lead nowhere, so Dunlin does not start. Set LOCAL_DOMAIN=${kept.domain}, or start once with ` +
      'LOCAL_DOMAIN_CHANGE=true to move all accounts to the new domain.',
  )
}

function isSameDomain(one: string, other: string): boolean {
  return one === other || (isThisMachine(one) && isThisMachine(other) && hostOf(one) === hostOf(other))
}

function hostOf(domain: string): string {
  return domain.replace(/:\d+$/, '')
}
