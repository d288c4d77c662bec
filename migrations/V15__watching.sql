-- What alarms and notifications have to know: since when a stream has to be compared with Odoo, and when
-- a crash was told that no run has on record.

-- Streams that there are count from now on, those that have been compared from then on.
alter table odoo.sync_streams
    add column if not exists created_at timestamptz not null default now();

alter table odoo.sync_metadata add column if not exists given_up_at timestamptz;

comment on column odoo.sync_streams.created_at is
    'When the stream was first read, or read again after a reset; it has to be verified from then on';
comment on column odoo.sync_metadata.given_up_at is
    'When it was last heard that Lambda gave an event for the data type up; the next success after that is a recovery';
