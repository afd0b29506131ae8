/** The tables of filters. The lengths stand here too, so that no forgotten check lets a megabyte in. */
export const migrations: Record<string, string> = {
  '0050_filters': `
    create table filters (
      id bigserial primary key,
      account_id bigint not null,
      title text not null check (char_length(title) between 1 and 256),
      contexts text[] not null check (cardinality(contexts) between 1 and 5),
      action text not null check (action in ('warn', 'hide', 'blur')),
      expires_at timestamptz
    );
    create index filters_account on filters (account_id, id);

    create table filter_keywords (
      id bigserial primary key,
      filter_id bigint not null references filters (id) on delete cascade,
      keyword text not null check (char_length(keyword) between 1 and 512),
      whole_word boolean not null
    );
    create index filter_keywords_filter on filter_keywords (filter_id, id);

    create table filter_statuses (
      id bigserial primary key,
      filter_id bigint not null references filters (id) on delete cascade,
      status_id bigint not null,
      unique (filter_id, status_id)
    );
  `,
  '0051_filter_lapsing': `
    -- True when those concerned have been told that it matches nothing any more.
    alter table filters add column lapsed boolean not null default false;
    create index filters_due on filters (expires_at) where expires_at is not null and not lapsed;
  `,
}
