/** One table: who follows which hashtag. */
export const migrations: Record<string, string> = {
  '0025_tag_follows': `
    create table tag_follows (
      id bigint generated always as identity,
      account_id bigint not null,
      tag text collate "C" not null check (octet_length(tag) between 1 and 2000),
      primary key (account_id, tag)
    );
    -- Which hashtags does this person follow, newest first? All of them, at the start.
    create index tag_follows_by_account on tag_follows (account_id, id);
    create unique index tag_follows_by_id on tag_follows (id);
  `,
}
