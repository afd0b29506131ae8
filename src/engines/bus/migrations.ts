/** Messages that no try could handle, kept until an operator replays or removes them. */
export const migrations: Record<string, string> = {
  '0003_parked_messages': `
    create table parked_messages (
      id bigint generated always as identity primary key,
      consumer text not null,
      message_id bigint not null,
      key bigint not null,
      type text not null,
      version integer not null,
      body text not null,
      created_at timestamptz not null,
      error text not null,
      parked_at timestamptz not null default now(),
      unique (consumer, message_id)
    );
  `,
}
