/**
 * The tables of statuses and of what people do with them. Visibility is 0 public, 1 unlisted, 2 private, 3 direct.
 *
 * Counts live beside the statuses, not in them: a favourite must not rewrite a row that holds the whole text. A status
 * that is removed is really gone, so there is no "deleted" flag, and no index has to remember one.
 */
export const migrations: Record<string, string> = {
  '0030_statuses': `
    create table statuses (
      id bigint primary key,
      account_id bigint not null,
      visibility smallint not null check (visibility between 0 and 3),
      boost_of bigint,
      -- The author of the boosted status, so that a timeline entry needs no second row.
      boosted_account bigint,
      in_reply_to bigint,
      in_reply_to_account bigint,
      conversation bigint not null,
      text text not null,
      spoiler_text text not null,
      sensitive boolean not null,
      language text,
      mentions bigint[] not null,
      tags text[] not null,
      media bigint[] not null,
      app_id bigint,
      created_at timestamptz(3) not null,
      edited_at timestamptz(3),
      revision integer not null default 0
    );

    -- What has this person written? (profile, rebuild of a home timeline)
    create index statuses_by_account on statuses (account_id, id);
    -- … with pictures?
    create index statuses_by_account_with_media on statuses (account_id, id) where media <> '{}';
    -- What is new in public? Replies to others stay in their threads.
    create index statuses_public on statuses (id)
      where visibility = 0 and boost_of is null
        and (in_reply_to_account is null or in_reply_to_account = account_id);
    create index statuses_public_with_media on statuses (id)
      where visibility = 0 and boost_of is null and media <> '{}'
        and (in_reply_to_account is null or in_reply_to_account = account_id);
    -- Has this person boosted it? One boost a person and status.
    create unique index statuses_one_boost on statuses (boost_of, account_id) where boost_of is not null;
    -- Who boosted it, newest first?
    create index statuses_boosts on statuses (boost_of, id) where boost_of is not null;
    -- What else was said in this thread? Its first status is found by its id.
    create index statuses_replies on statuses (conversation, id) where in_reply_to is not null;

    -- Rows exist once there is something to count. Replies are counted when everyone may see them.
    create table status_counts (
      status_id bigint primary key,
      replies integer not null default 0,
      boosts integer not null default 0,
      favourites integer not null default 0
    ) with (fillfactor = 70);

    -- Direct statuses are not counted: nobody is told that they exist.
    create table author_stats (
      account_id bigint primary key,
      statuses integer not null default 0,
      last_status_at timestamptz(3)
    ) with (fillfactor = 70);

    -- The texts a status had before its current one.
    create table status_edits (
      status_id bigint not null,
      revision integer not null,
      created_at timestamptz(3) not null,
      text text not null,
      spoiler_text text not null,
      sensitive boolean not null,
      mentions bigint[] not null,
      media bigint[] not null,
      media_descriptions text[] not null,
      primary key (status_id, revision)
    );

    -- Hashtags of public statuses: which tags begin with …, and how often are they used?
    create table status_tags (
      tag text collate "C" not null,
      status_id bigint not null,
      primary key (tag, status_id)
    );
  `,
  '0031_marks': `
    create table favourites (
      id bigint generated always as identity,
      account_id bigint not null,
      status_id bigint not null,
      primary key (account_id, status_id)
    );
    -- What has this person favourited, newest first? Who has favourited this status?
    create index favourites_by_account on favourites (account_id, id);
    create index favourites_by_status on favourites (status_id, id);

    create table bookmarks (
      id bigint generated always as identity,
      account_id bigint not null,
      status_id bigint not null,
      primary key (account_id, status_id)
    );
    create index bookmarks_by_account on bookmarks (account_id, id);
    -- Whose bookmarks go with a removed status?
    create index bookmarks_by_status on bookmarks (status_id);

    -- Only authors pin, so a status is pinned once at most.
    create table pins (
      id bigint generated always as identity,
      account_id bigint not null,
      status_id bigint primary key
    );
    create index pins_by_account on pins (account_id, id);

    create table conversation_mutes (
      account_id bigint not null,
      conversation bigint not null,
      primary key (account_id, conversation)
    );

    -- SHA-256 of the client's Idempotency-Key, so that a key of any length costs the same.
    create table idempotency_keys (
      account_id bigint not null,
      key_hash bytea not null,
      status_id bigint not null,
      created_at timestamptz(3) not null,
      primary key (account_id, key_hash)
    );
    -- Which keys have lapsed?
    create index idempotency_keys_by_age on idempotency_keys (created_at);
  `,
  '0032_polls': `
    -- Almost no status asks anything: those that do are known by this, so that no others are looked up.
    alter table statuses add column has_poll boolean not null default false;
    alter table status_edits add column poll_options text[];

    create sequence poll_rounds;

    -- One a status. Votes are counted here while voting; the row is also what voters, the end and an edit wait for.
    create table polls (
      status_id bigint primary key,
      account_id bigint not null,
      options text[] not null,
      multiple boolean not null,
      hide_totals boolean not null,
      expires_at timestamptz(3) not null,
      closed boolean not null default false,
      votes integer[] not null,
      voters integer not null default 0,
      round bigint not null default nextval('poll_rounds')
    ) with (fillfactor = 70);
    -- Which polls have ended and nobody has been told?
    create index polls_due on polls (expires_at) where not closed;

    -- One a voter.
    create table poll_votes (
      status_id bigint not null,
      account_id bigint not null,
      choices smallint[] not null,
      primary key (status_id, account_id)
    );
  `,
  '0034_closed_statuses': `
    -- Which private and direct statuses has this person written? (search among one's own)
    create index statuses_closed on statuses (account_id, id) where visibility >= 2 and boost_of is null;
  `,
  '0033_scheduled': `
    create table scheduled_statuses (
      id bigint primary key,
      account_id bigint not null,
      scheduled_at timestamptz(3) not null,
      -- When to try next; null for what could not be posted.
      due_at timestamptz(3),
      draft jsonb not null,
      media bigint[] not null,
      attempts integer not null default 0
    );
    create index scheduled_by_account on scheduled_statuses (account_id, id);
    -- What is to be posted now?
    create index scheduled_due on scheduled_statuses (due_at) where due_at is not null;
  `,
}
