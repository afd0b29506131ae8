export const migrations: Record<string, string> = {
  '0070_push': `
    create table push_subscriptions (
      id serial primary key,
      token_id bigint not null unique,
      token_hash text not null,
      account_id bigint not null,
      endpoint text not null check (char_length(endpoint) <= 1000),
      public_key bytea not null check (octet_length(public_key) = 65),
      auth bytea not null check (octet_length(auth) = 16),
      standard boolean not null,
      alerts text[] not null,
      policy text not null check (policy in ('all', 'followed', 'follower', 'none'))
    );
    create index push_subscriptions_by_account on push_subscriptions (account_id);
    create index push_subscriptions_by_token on push_subscriptions (token_hash);

    create table push_deliveries (
      id bigserial primary key,
      subscription integer not null references push_subscriptions (id) on delete cascade,
      notification bigint not null,
      recipient bigint not null,
      -- When to try (again); whoever tries moves it beyond the time that may take.
      due_at timestamptz(3) not null,
      created_at timestamptz(3) not null,
      attempts integer not null default 0,
      unique (subscription, notification)
    );
    create index push_deliveries_due on push_deliveries (due_at);

    create table push_log (
      id bigserial primary key,
      subscription integer not null references push_subscriptions (id) on delete cascade,
      at timestamptz(3) not null,
      notification bigint,
      outcome text not null,
      status integer,
      took_ms integer not null
    );
    create index push_log_by_subscription on push_log (subscription, id);
    create index push_log_by_age on push_log (at);
  `,
}
