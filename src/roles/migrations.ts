/** Every migration of every block, in one list: what a database of this version has. */
import { migrations as accounts } from '../accounts/migrations.ts'
import { migrations as conversations } from '../conversations/migrations.ts'
import { migrations as discovery } from '../discovery/migrations.ts'
import { migrations as bus } from '../engines/bus/migrations.ts'
import { allMigrations, type Migrations } from '../engines/database/migrate.ts'
import { migrations as outbox } from '../engines/outbox/migrations.ts'
import { migrations as filters } from '../filters/migrations.ts'
import { migrations as lists } from '../lists/migrations.ts'
import { migrations as media } from '../media/migrations.ts'
import { migrations as push } from '../mobile-push/migrations.ts'
import { migrations as notifications } from '../notifications/migrations.ts'
import { migrations as snowflake } from '../snowflake/migrations.ts'
import { migrations as graph } from '../social-graph/migrations.ts'
import { migrations as statuses } from '../status-store/migrations.ts'
import { migrations as tagFollows } from '../tag-follows/migrations.ts'

export const MIGRATIONS: Migrations = allMigrations(
  snowflake,
  outbox,
  bus,
  accounts,
  graph,
  statuses,
  media,
  filters,
  notifications,
  lists,
  push,
  conversations,
  tagFollows,
  discovery,
)
