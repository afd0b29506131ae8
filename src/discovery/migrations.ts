/**
 * Trends are a time series: each use is a row of its hour, each person's uses of a day are rolled up into one row a subject
 * and day, and what was ranked last is kept to be shown. Kinds are 0 hashtag, 1 link, 2 status. The hour leads every key, so
 * that what is old lies together and goes in one range.
 */
export const migrations: Record<string, string> = {
  '0060_trends': `
    create table trend_uses (
      hour timestamptz(0) not null,
      kind smallint not null check (kind between 0 and 2),
      subject text collate "C" not null check (octet_length(subject) <= 2000),
      account_id bigint not null,
      -- The status that used it, or the status that was marked: a message that comes again changes nothing.
      source bigint not null,
      primary key (hour, kind, subject, account_id, source)
    );

    create table trend_days (
      day timestamptz(0) not null,
      kind smallint not null,
      subject text collate "C" not null,
      uses integer not null,
      accounts integer not null,
      primary key (day, kind, subject)
    );
    -- How was this used in the last days?
    create index trend_days_by_subject on trend_days (kind, subject, day);

    create table trend_ranks (
      kind smallint not null,
      subject text collate "C" not null,
      score real not null,
      primary key (kind, subject)
    );
    create index trend_ranks_by_score on trend_ranks (kind, score desc, subject);

    create table trend_reviews (
      kind smallint not null,
      subject text collate "C" not null,
      allowed boolean not null,
      primary key (kind, subject)
    );

    create table suggestions_dismissed (
      account_id bigint not null,
      target_id bigint not null,
      primary key (account_id, target_id)
    );
  `,
}
