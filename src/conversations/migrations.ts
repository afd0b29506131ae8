export const migrations: Record<string, string> = {
  '0080_conversations': `
    create table conversations (
      id bigserial primary key,
      account_id bigint not null,
      -- The id of the thread's first status.
      thread bigint not null,
      -- The others, ascending: who is drawn in, or left out, makes another conversation.
      participants bigint[] not null,
      last_status bigint not null,
      unread boolean not null,
      -- Removed by its owner, and kept so that an event that comes again does not bring it back.
      removed boolean not null default false,
      unique (account_id, thread, participants)
    );
    create index conversations_by_account on conversations (account_id, last_status) where not removed;

    create table conversation_statuses (
      conversation bigint not null references conversations (id) on delete cascade,
      status_id bigint not null,
      primary key (conversation, status_id)
    );
    create index conversation_statuses_by_status on conversation_statuses (status_id);
  `,
}
