-- One row a batch and data type: what sync-all has started, what waits, and what came of it.
create table if not exists odoo.sync_batches (
    batch_id uuid not null,
    data_type varchar(50) not null,
    -- Its turn: data types are requested in this order.
    place integer not null,
    mode varchar(20) not null,
    confirm_deletes boolean not null default false,
    triggered_by varchar(20) not null,
    state varchar(20) not null default 'pending'
        check (state in ('pending', 'requested', 'success', 'failed')),
    -- Times that it was requested, and the claim that did it last.
    attempts integer not null default 0,
    claim_id uuid,
    created_at timestamptz not null default now(),
    requested_at timestamptz,
    finished_at timestamptz,
    -- The run that did it; its counts are in sync_runs.
    run_id uuid,
    error_code varchar(30),
    error_message text,
    -- When its rows' references were looked at, which is after the whole batch.
    checked_at timestamptz,
    primary key (batch_id, data_type)
);

comment on column odoo.sync_batches.state is
    'pending: its turn has not come; requested: its function has been asked; success and failed: it is over';

-- No data type is in two batches at once.
create unique index if not exists sync_batches_open
    on odoo.sync_batches (data_type) where state in ('pending', 'requested');

create index if not exists sync_batches_unchecked
    on odoo.sync_batches (batch_id) where state = 'success' and checked_at is null;

create index if not exists sync_batches_by_time
    on odoo.sync_batches (created_at desc);

alter table odoo.sync_batches enable row level security;
