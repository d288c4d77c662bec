-- What a comparison of the whole source with the mirror keeps while it is on, and what it
-- leaves behind.

alter table odoo.sync_streams
    -- What is being done with the stream: its window is read, the source is compared with the
    -- mirror, or what Odoo no longer has is deleted. last_id and rows_done belong to that phase.
    add column if not exists window_phase varchar(20) not null default 'read'
        check (window_phase in ('read', 'compare', 'delete')),
    -- Live rows here that the comparison has met, and how many of those the run had read before
    -- as new: the delete guard judges by those that were here before the run.
    add column if not exists rows_here bigint not null default 0,
    add column if not exists rows_new bigint not null default 0,
    -- Live rows here when source_count was taken.
    add column if not exists mirror_count bigint;

comment on column odoo.sync_streams.mirror_count is
    'Live rows here when source_count was taken';

-- Rows that a run did not find in Odoo. All of a stream's are judged together before the
-- first of them goes.
create table if not exists odoo.sync_deletions (
    run_id uuid not null,
    stream varchar(50) not null,
    odoo_id bigint not null,
    primary key (run_id, stream, odoo_id)
);

comment on table odoo.sync_deletions is
    'Rows that the run that is on did not find in Odoo; empty between runs';

alter table odoo.sync_deletions enable row level security;

-- A full and a reconcile may both have been asked for while a run was on: neither does the
-- other's work.
alter table odoo.sync_metadata
    add column if not exists pending_reconcile boolean not null default false;

comment on column odoo.sync_metadata.pending_reconcile is
    'A reconcile waits behind the full of pending_mode';
