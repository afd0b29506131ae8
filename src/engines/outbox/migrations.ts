/**
 * Two narrow tables. `outbox` is written once and deleted once a row, never updated, so that there is one dead tuple a
 * message and not two. What is held now is in `outbox_held`: unlogged, because after a crash of PostgreSQL nobody holds
 * anything, and an empty table says just that.
 *
 * The functions save round trips, and let the commits of claims not wait for the disk: a claim or a deletion that a
 * crash forgets means only that the message is published once more.
 *
 * `outbox_claim` lets one relay choose at a time. `skip locked` alone would not do: a second relay would pass over the
 * locked rows of a key and hand out the later ones, overtaking the first. The lock is taken in a statement of its own, so
 * that the next one sees what the previous relay has committed. `skip locked` is there for rows that are being deleted.
 */
export const migrations: Record<string, string> = {
  '0002_outbox': `
    create table outbox (
      id bigint generated always as identity primary key,
      key bigint not null,
      created_at timestamptz not null default clock_timestamp(),
      version smallint not null,
      type text not null,
      body text not null
    ) with (
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
      autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
      autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000,
      autovacuum_vacuum_cost_delay = 0
    );

    create unlogged table outbox_held (
      id bigint primary key,
      key bigint not null,
      until timestamptz not null,
      owner bigint not null,
      attempts integer not null default 0
    ) with (
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
      autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000,
      autovacuum_vacuum_cost_delay = 0
    );
    create index outbox_held_key on outbox_held (key, id);

    create function outbox_claim(claimer bigint, rows_max integer, lease_ms double precision)
    returns table (id bigint, key bigint, type text, version smallint, body text, created_at timestamptz, attempts integer)
    language plpgsql
    -- The tables are empty or full by turns, and statistics are late: only the indexes are right in both states.
    set enable_seqscan = off set enable_sort = off
    as $$
    #variable_conflict use_column
    declare
      started timestamptz;
    begin
      perform set_config('synchronous_commit', 'off', true);
      perform pg_advisory_xact_lock(hashtextextended('dunlin outbox claim', 0));
      started := clock_timestamp();
      return query
        with free as materialized (
          select o.id, o.key, o.type, o.version, o.body, o.created_at from outbox o
          where not exists (
            select from outbox_held h where h.key = o.key and h.id <= o.id and h.until > started
          )
          order by o.id limit rows_max
          for update of o skip locked
        ), held as (
          insert into outbox_held as h (id, key, until, owner)
          select f.id, f.key, started + make_interval(secs => lease_ms / 1000), claimer from free f
          on conflict (id) do update set until = excluded.until, owner = excluded.owner
          returning h.id, h.attempts
        )
        select f.id, f.key, f.type, f.version, f.body, f.created_at, held.attempts
        from free f join held on held.id = f.id;
    end
    $$;

    create function outbox_done(ids bigint[]) returns void language plpgsql
    set enable_seqscan = off
    as $$
    begin
      perform set_config('synchronous_commit', 'off', true);
      delete from outbox o where o.id = any(ids);
      delete from outbox_held h where h.id = any(ids);
    end
    $$;
  `,
}
