-- The delete guard says once that it has stopped a data type: what it said stays here until source
-- and mirror agree again, and later runs bring in what changed without looking for deletions.
alter table odoo.sync_streams add column if not exists delete_guard text;

comment on column odoo.sync_streams.delete_guard is
    'Why the delete guard holds this stream''s deletions back; null where it does not';
comment on column odoo.sync_streams.rows_new is
    'Rows that came in or came back since source and mirror last agreed';
