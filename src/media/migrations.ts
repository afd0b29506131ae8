/** Pictures of statuses: what is known of each; the bytes are in the file engine. */
export const migrations: Record<string, string> = {
  '0035_media': `
    create table media_attachments (
      id bigint primary key,
      account_id bigint not null,
      -- Null while bound to nothing.
      status_id bigint,
      type text not null,
      mime text not null,
      key text not null,
      small_key text not null,
      width integer not null,
      height integer not null,
      small_width integer not null,
      small_height integer not null,
      focus_x double precision,
      focus_y double precision,
      blurhash text,
      description text,
      created_at timestamptz(3) not null,
      -- Since when it is bound to nothing: from the upload, or from the end of its status.
      unattached_since timestamptz(3),
      check ((status_id is null) = (unattached_since is not null))
    );

    -- Which pictures has this status, or had it?
    create index media_by_status on media_attachments (status_id) where status_id is not null;
    -- Which have been bound to nothing for too long?
    create index media_unattached on media_attachments (unattached_since) where unattached_since is not null;
  `,
}
