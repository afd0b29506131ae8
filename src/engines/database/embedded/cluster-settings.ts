/**
 * The cluster's configuration files, written anew at each start. Sized so that everything together stays small when
 * idle (memory is taken when it is touched, not when it is allowed) and still uses a big machine.
 */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'

import type { Account } from './account.ts'

/** Name of the superuser and of the database. */
export const DATABASE_NAME = 'dunlin'
/** Sessions of all Dunlin processes together; each pool takes at most its own size of them. */
export const SESSIONS_MAX = 80
/** An operator's own settings, read last: `data/postgres/local.conf`. */
export const LOCAL_SETTINGS_FILE = 'local.conf'

const MIB = 1024 * 1024

export interface ClusterSettings {
  readonly socketDir: string
  readonly account: Account
  /** Settings that differ from ours, by PostgreSQL's names. */
  readonly overrides?: Readonly<Record<string, string>>
}

export async function writeClusterSettings(clusterDir: string, settings: ClusterSettings): Promise<void> {
  const lines = Object.entries({ ...ourSettings(settings.socketDir), ...settings.overrides })
  const hasLocal = existsSync(join(clusterDir, '..', LOCAL_SETTINGS_FILE))
  const own = lines.map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`)
  await writeFile(
    join(clusterDir, 'postgresql.conf'),
    [
      `# Written by Dunlin at each start. Your own settings belong into ../${LOCAL_SETTINGS_FILE}, which is read last.`,
      ...own,
      ...(hasLocal ? [`include = '../${LOCAL_SETTINGS_FILE}'`] : []),
      '',
    ].join('\n'),
  )
  // Only processes of these system users, told by the kernel, may connect, and only through the socket.
  await writeFile(join(clusterDir, 'pg_hba.conf'), 'local all all peer map=dunlin\n')
  const users = new Set(['root', settings.account.name])
  await writeFile(
    join(clusterDir, 'pg_ident.conf'),
    [...users].map((user) => `dunlin "${user}" ${DATABASE_NAME}\n`).join(''),
  )
}

function ourSettings(socketDir: string): Record<string, string> {
  const memoryMib = Math.floor(totalmem() / MIB)
  return {
    // The way in: a socket in a private folder, so that no port can be taken and nobody else can knock.
    listen_addresses: '',
    unix_socket_directories: socketDir,
    unix_socket_permissions: '0700',
    max_connections: `${SESSIONS_MAX}`,

    // What a 200 means.
    synchronous_commit: 'on',
    fsync: 'on',
    full_page_writes: 'on',

    // Memory.
    shared_buffers: `${between(32, memoryMib / 64, 512)}MB`,
    effective_cache_size: `${between(128, memoryMib / 2, 65_536)}MB`,
    work_mem: '8MB',
    maintenance_work_mem: '64MB',
    huge_pages: 'off',
    wal_buffers: '4MB',

    // Few processes: short statements gain nothing from parallel workers, and reads are small.
    io_method: 'sync',
    max_worker_processes: '2',
    max_logical_replication_workers: '0',
    max_parallel_workers_per_gather: '0',
    max_parallel_maintenance_workers: '0',
    jit: 'off',
    random_page_cost: '1.1',

    // The log of changes: room for bursts, and a base backup while running.
    wal_level: 'replica',
    max_wal_senders: '2',
    max_replication_slots: '2',
    max_slot_wal_keep_size: '1GB',
    checkpoint_timeout: '10min',
    min_wal_size: '64MB',
    max_wal_size: '1GB',

    // Queue tables (outbox) die by their dead rows.
    autovacuum_max_workers: '2',
    autovacuum_naptime: '20s',
    autovacuum_vacuum_scale_factor: '0.05',
    autovacuum_vacuum_insert_scale_factor: '0.1',
    autovacuum_analyze_scale_factor: '0.05',

    // A client that is gone does not keep the machine busy.
    client_connection_check_interval: '5s',

    // Messages go to Dunlin's log; no statements, no values: they hold what people wrote.
    log_destination: 'stderr',
    logging_collector: 'off',
    log_line_prefix: '',
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
    log_autovacuum_min_duration: '-1',

    datestyle: 'iso, mdy',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    lc_monetary: 'C',
    lc_numeric: 'C',
    lc_time: 'C',
    default_text_search_config: 'pg_catalog.simple',
  }
}

function between(least: number, wanted: number, most: number): number {
  return Math.round(Math.min(Math.max(least, wanted), most))
}
