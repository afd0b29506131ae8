/**
 * Tables of the block. Times are timestamptz, secrets are SHA-256 (bytea), limits stand here too: a forgotten check in
 * the code must not become a row of a megabyte.
 */
export const migrations: Record<string, string> = {
  '0010_accounts': `
    create table accounts (
      id bigint primary key,
      username text not null check (username ~ '^[A-Za-z0-9_]{1,30}$'),
      display_name text not null default '' check (char_length(display_name) <= 100),
      -- what a search by name is compared with: lower case by Unicode's rules, which lower() of a C locale is not
      display_key text not null default '' check (char_length(display_key) <= 400),
      note text not null default '' check (char_length(note) <= 5000),
      fields jsonb not null default '[]',
      avatar jsonb,
      header jsonb,
      locked boolean not null default false,
      bot boolean not null default false,
      discoverable boolean,
      indexable boolean not null default false,
      hide_collections boolean,
      silenced boolean not null default false,
      suspended_at timestamptz,
      created_at timestamptz not null
    );
    create unique index accounts_username_key on accounts (lower(username));
    create index accounts_username_prefix on accounts (lower(username) text_pattern_ops);
    create index accounts_display_prefix on accounts (display_key text_pattern_ops) where display_key <> '';

    create table users (
      account_id bigint primary key references accounts (id) on delete cascade,
      email text not null check (char_length(email) <= 320),
      -- null: nobody can sign in
      password_hash text,
      role text not null check (role in ('user', 'moderator', 'admin', 'owner')),
      locale text not null default 'en' check (char_length(locale) <= 35),
      confirmed_at timestamptz,
      approved boolean not null,
      disabled boolean not null default false,
      reason text not null default '' check (char_length(reason) <= 1000),
      default_privacy text not null default 'public' check (default_privacy in ('public', 'unlisted', 'private')),
      default_sensitive boolean not null default false,
      default_language text check (char_length(default_language) <= 35),
      created_at timestamptz not null,
      last_active_at timestamptz not null,
      confirmation_hash bytea,
      confirmation_made_at timestamptz,
      reset_hash bytea,
      reset_made_at timestamptz
    );
    create unique index users_email_key on users (lower(email));
    create index users_last_active on users (last_active_at);
    create index users_owners on users (account_id) where role = 'owner';
    create unique index users_confirmation_key on users (confirmation_hash) where confirmation_hash is not null;
    create unique index users_reset_key on users (reset_hash) where reset_hash is not null;

    create table sessions (
      id bigint primary key,
      cookie_hash bytea not null unique,
      account_id bigint not null references accounts (id) on delete cascade,
      csrf_secret text not null,
      user_agent text not null check (char_length(user_agent) <= 300),
      created_at timestamptz not null,
      last_seen_at timestamptz not null
    );
    create index sessions_account on sessions (account_id);`,

  '0011_oauth': `
    create table oauth_apps (
      id bigint primary key,
      name text not null check (char_length(name) <= 60),
      website text check (char_length(website) <= 2000),
      redirect_uris text[] not null,
      scopes text[] not null,
      client_id text not null unique,
      -- null: a public client
      secret_hash bytea,
      created_at timestamptz not null
    );
    create index oauth_apps_created on oauth_apps (created_at);

    create table oauth_tokens (
      id bigint primary key,
      token_hash bytea not null unique,
      app_id bigint not null references oauth_apps (id) on delete cascade,
      -- null: client credentials, which speak for the app alone
      account_id bigint references accounts (id) on delete cascade,
      scopes text[] not null,
      created_at timestamptz not null,
      last_used_at timestamptz,
      revoked_at timestamptz
    );
    create index oauth_tokens_account on oauth_tokens (account_id, app_id) where revoked_at is null;
    create index oauth_tokens_app on oauth_tokens (app_id);

    create table oauth_codes (
      code_hash bytea primary key,
      app_id bigint not null references oauth_apps (id) on delete cascade,
      account_id bigint not null references accounts (id) on delete cascade,
      redirect_uri text not null check (char_length(redirect_uri) <= 2000),
      scopes text[] not null,
      code_challenge text,
      expires_at timestamptz not null,
      -- set when redeemed; the row stays so that a second use is recognised
      token_id bigint
    );
    create index oauth_codes_expiry on oauth_codes (expires_at);
    create index oauth_codes_account on oauth_codes (account_id);`,

  '0012_local_domain': `
    -- One row: the domain in the names of all accounts.
    create table local_domain (
      single boolean primary key default true check (single),
      domain text not null
    );`,

  '0013_people_search': `
    -- Three characters in a row, with two before the first and one after the last; what names are compared by.
    create function name_trigrams(name text) returns text[] language sql immutable parallel safe as $$
      select coalesce(array_agg(distinct substr(padded, place, 3)), '{}')
      from (select '  ' || name || ' ' as padded) as text, generate_series(1, length(padded) - 2) as place
      where name <> ''
    $$;
    alter table accounts
      add column trigrams text[] not null
      generated always as (name_trigrams(lower(username)) || name_trigrams(display_key)) stored;
    create index accounts_trigrams on accounts using gin (trigrams);
    -- Who does not let others find what they write?
    create index accounts_without_consent on accounts (id) where not indexable;
    -- Who wants to be found by strangers?
    create index accounts_discoverable on accounts (id) where discoverable and suspended_at is null;
  `,
}
