/** The `oauth_apps` table: clients that registered themselves. */
import type { Db } from '../engines/database/contract.ts'
import type { OAuthApp } from './contract.ts'

interface AppRow {
  id: bigint
  name: string
  website: string | null
  redirectUris: string[]
  scopes: string[]
  clientId: string
  secretHash: Buffer | null
}

export interface StoredApp {
  app: OAuthApp
  secretHash: Buffer | null
}

function toStored(row: AppRow | undefined): StoredApp | undefined {
  if (row === undefined) return undefined
  const { secretHash, ...app } = row
  return { app: { ...app, confidential: secretHash !== null }, secretHash }
}

export async function insertApp(db: Db, { app, secretHash }: StoredApp, createdAt: Date): Promise<void> {
  await db.run`
    insert into oauth_apps (id, name, website, redirect_uris, scopes, client_id, secret_hash, created_at)
    values (${app.id}, ${app.name}, ${app.website}, ${app.redirectUris}::text[], ${app.scopes}::text[],
      ${app.clientId}, ${secretHash}, ${createdAt})`
}

export async function appByClientId(db: Db, clientId: string): Promise<StoredApp | undefined> {
  return toStored(
    await db.one<AppRow>`
      select id, name, website, redirect_uris as "redirectUris", scopes, client_id as "clientId",
        secret_hash as "secretHash"
      from oauth_apps where client_id = ${clientId}`,
  )
}

export async function appById(db: Db, id: bigint): Promise<StoredApp | undefined> {
  return toStored(
    await db.one<AppRow>`
      select id, name, website, redirect_uris as "redirectUris", scopes, client_id as "clientId",
        secret_hash as "secretHash"
      from oauth_apps where id = ${id}`,
  )
}

/** Apps registered before `before` that never got a token and have no code waiting. */
export async function deleteUnusedApps(db: Db, before: Date): Promise<number> {
  return await db.run`
    delete from oauth_apps where created_at < ${before}
      and not exists (select 1 from oauth_tokens where app_id = oauth_apps.id)
      and not exists (select 1 from oauth_codes where app_id = oauth_apps.id)`
}
