export const migrations: Record<string, string> = {
  '0060_lists': `
    create table lists (
      id bigserial primary key,
      account_id bigint not null,
      title text not null check (char_length(title) between 1 and 256),
      replies_policy text not null check (replies_policy in ('followed', 'list', 'none')),
      exclusive boolean not null
    );
    create index lists_by_account on lists (account_id, id);

    create table list_members (
      id bigserial primary key,
      list_id bigint not null references lists (id) on delete cascade,
      account_id bigint not null,
      unique (list_id, account_id)
    );
    create index list_members_by_list on list_members (list_id, id);
    -- Whose memberships go with an account, or with a follow?
    create index list_members_by_account on list_members (account_id);
  `,
}
