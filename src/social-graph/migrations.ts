/**
 * The rows of the graph. An edge's own id is the cursor of lists of people, so it rises with time.
 *
 * A pair of accounts (in whichever order) changes under one advisory lock, taken by `graph_begin`, which also gives the
 * change its version: from one sequence, so that versions of a pair rise even when none of its rows is left. The sequence
 * goes up in sixteens: the changes of one transaction take consecutive versions.
 *
 * No foreign keys to accounts: stores do not reach into each other.
 */
export const migrations: Record<string, string> = {
  '0020_social_graph': `
    create table follows (
      id bigserial primary key,
      source bigint not null,
      target bigint not null,
      show_boosts boolean not null default true,
      notify boolean not null default false,
      languages text[],
      created_at timestamptz not null default now(),
      unique (source, target),
      check (source <> target)
    );
    create index follows_by_source on follows (source, id);
    create index follows_by_target on follows (target, id);
    create index follows_with_options on follows (id) where not show_boosts or notify or languages is not null;

    create table follow_requests (
      id bigserial primary key,
      source bigint not null,
      target bigint not null,
      show_boosts boolean not null default true,
      notify boolean not null default false,
      languages text[],
      created_at timestamptz not null default now(),
      unique (source, target),
      check (source <> target)
    );
    create index follow_requests_by_target on follow_requests (target, id);

    create table blocks (
      id bigserial primary key,
      source bigint not null,
      target bigint not null,
      created_at timestamptz not null default now(),
      unique (source, target),
      check (source <> target)
    );
    create index blocks_by_source on blocks (source, id);

    create table mutes (
      id bigserial primary key,
      source bigint not null,
      target bigint not null,
      notifications boolean not null,
      expires_at timestamptz,
      created_at timestamptz not null default now(),
      unique (source, target),
      check (source <> target)
    );
    create index mutes_by_source on mutes (source, id);
    create index mutes_by_expiry on mutes (expires_at) where expires_at is not null;

    create table endorsements (
      id bigserial primary key,
      source bigint not null,
      target bigint not null,
      created_at timestamptz not null default now(),
      unique (source, target),
      check (source <> target)
    );
    create index endorsements_by_source on endorsements (source, id);

    create table account_notes (
      id bigserial primary key,
      source bigint not null,
      target bigint not null,
      note text not null,
      created_at timestamptz not null default now(),
      unique (source, target)
    );

    create sequence graph_versions increment by 16 start with 16;

    -- Sorted, so that two transactions with several pairs take their locks in the same order.
    create function graph_begin(sources bigint[], targets bigint[]) returns bigint language plpgsql as $$
    begin
      perform pg_advisory_xact_lock(pair.lock) from (
        select distinct hashtextextended('graph ' || least(s, t) || ' ' || greatest(s, t), 0) as lock
        from unnest(sources, targets) as edges (s, t)
        order by lock
      ) as pair;
      return nextval('graph_versions');
    end
    $$;
  `,
}
