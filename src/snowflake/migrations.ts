/** The worker numbers and who holds them: one row for each number that mints ids of now. */
export const migrations: Record<string, string> = {
  '0001_worker_leases': `
    create table worker_leases (
      worker int primary key check (worker between 0 and 1023),
      owner text not null default '',
      -- rises with every holder: a write with an older one changes nothing
      token bigint not null default 0,
      -- null while nobody holds the number
      heartbeat timestamptz,
      -- milliseconds since 1970; no holder so far mints later than this
      last_ms bigint not null default 0
    );
    insert into worker_leases (worker) select generate_series(0, 511);`,
}
