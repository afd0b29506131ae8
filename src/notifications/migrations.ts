/** The tables of notifications. A dismissed row stays for a while, so that an event delivered again does not bring it back. */
export const migrations: Record<string, string> = {
  '0040_notifications': `
    create table notifications (
      id bigserial primary key,
      recipient bigint not null,
      type text not null,
      sender bigint not null,
      -- What caused it: the status, or the boost; 0 for follows and requests, of which a pair has one.
      source bigint not null,
      status_id bigint,
      group_key text,
      filtered boolean not null default false,
      dismissed boolean not null default false,
      -- The revision of an edit or the version of a graph edge: a newer one replaces the row, an older one is ignored.
      version bigint not null default 0,
      created_at timestamptz not null,
      unique (recipient, type, sender, source)
    );
    create index notifications_recipient on notifications (recipient, id) where not dismissed;
    create index notifications_group on notifications (recipient, group_key, id)
      where group_key is not null and not dismissed;
    create index notifications_filtered on notifications (recipient, sender, id) where filtered and not dismissed;
    create index notifications_sender on notifications (sender);
    create index notifications_status on notifications (status_id) where status_id is not null;
    create index notifications_boost on notifications (source) where type = 'reblog';
    create index notifications_dismissed on notifications (created_at) where dismissed;

    create table markers (
      account_id bigint not null,
      timeline text not null check (timeline in ('home', 'notifications')),
      last_read_id bigint not null,
      version integer not null default 0,
      updated_at timestamptz not null,
      primary key (account_id, timeline)
    );

    create table notification_policies (
      account_id bigint primary key,
      not_following text not null check (not_following in ('accept', 'filter', 'drop')),
      not_followers text not null check (not_followers in ('accept', 'filter', 'drop')),
      new_accounts text not null check (new_accounts in ('accept', 'filter', 'drop')),
      private_mentions text not null check (private_mentions in ('accept', 'filter', 'drop')),
      limited_accounts text not null check (limited_accounts in ('accept', 'filter', 'drop')),
      bots text not null check (bots in ('accept', 'filter', 'drop'))
    );

    -- Senders let through by accepting their request.
    create table notification_permissions (
      account_id bigint not null,
      sender bigint not null,
      primary key (account_id, sender)
    );
  `,
}
