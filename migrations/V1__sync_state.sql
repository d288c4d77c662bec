-- Schema odoo and what the sync itself remembers: one row a data type, a stream, a run
-- and a finding. Every statement may run twice: these files go through
-- `cargo xtask migrate` and through `psql -f` alike.

create schema if not exists odoo;

-- One row a data type: what a user asks about, and the lease of the running sync.
create table if not exists odoo.sync_metadata (
    id serial primary key,
    data_type varchar(50) unique not null,
    last_sync_timestamp timestamptz,
    last_sync_count integer default 0,
    sync_status varchar(20) default 'pending'
        check (sync_status in ('pending', 'in_progress', 'success', 'failed')),
    error_message text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- The lease. Whoever holds the token may write; times are Postgres's.
    lease_token uuid,
    lease_expires_at timestamptz,
    run_id uuid,
    run_mode varchar(20),
    slice integer not null default 0,
    -- Takeovers of this run since its cursor last moved.
    takeovers integer not null default 0,
    -- A full or reconcile that was asked for while another run was on.
    pending_mode varchar(20),
    pending_confirm_deletes boolean not null default false
);

comment on column odoo.sync_metadata.last_sync_timestamp is
    'When the last successful run opened its first window; freshness is now() less this';
comment on column odoo.sync_metadata.last_sync_count is
    'Rows that the last successful run processed';

-- One row a stream: how far it has been read, and the window that is being read.
create table if not exists odoo.sync_streams (
    data_type varchar(50) not null,
    stream varchar(50) primary key,
    watermark timestamptz,
    watermark_first_seen_at timestamptz,
    watermark_last_seen_at timestamptz,
    -- The window of the run that is on. A run that dies is resumed in it from last_id.
    run_id uuid,
    window_mode varchar(20),
    window_low timestamptz,
    window_high timestamptz,
    window_watermark timestamptz,
    window_opened_at timestamptz,
    window_seen_at timestamptz,
    window_fingerprint text,
    window_done boolean not null default false,
    last_id bigint not null default 0,
    rows_done bigint not null default 0,
    rows_to_do bigint,
    -- The last page committed outside the window's order.
    beside_page uuid,
    -- What the source was compared with, and what came of it.
    verified_at timestamptz,
    source_count bigint,
    count_mismatches integer not null default 0,
    source_fingerprint text,
    read_fingerprint text,
    updated_at timestamptz not null default now()
);

comment on column odoo.sync_streams.watermark is
    'Newest change time that the last successful run saw; never moves back';
comment on column odoo.sync_streams.count_mismatches is
    'Runs in a row whose count of the source differed from the live rows here';
comment on column odoo.sync_streams.source_fingerprint is
    'SHA-256 of Odoo''s URL and database; another one stops the sync until a reset';
comment on column odoo.sync_streams.read_fingerprint is
    'SHA-256 of user, language, company and columns that the last successful run read with; another one makes the next run full';
comment on column odoo.sync_streams.window_fingerprint is
    'The same, of the run whose window is open';

-- One row a run.
create table if not exists odoo.sync_runs (
    run_id uuid primary key,
    data_type varchar(50) not null,
    mode varchar(20) not null,
    triggered_by varchar(20) not null,
    status varchar(20) not null check (status in ('in_progress', 'success', 'failed')),
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    records_inserted bigint not null default 0,
    records_updated bigint not null default 0,
    records_unchanged bigint not null default 0,
    records_deleted bigint not null default 0,
    records_skipped bigint not null default 0,
    retries bigint not null default 0,
    slices integer not null default 1,
    confirm_deletes boolean not null default false,
    error_code varchar(30),
    error_message text
);

create index if not exists sync_runs_by_data_type
    on odoo.sync_runs (data_type, started_at desc);

-- One row for what a run noticed about one row of Odoo's.
create table if not exists odoo.sync_findings (
    id bigserial primary key,
    data_type varchar(50) not null,
    stream varchar(50) not null,
    odoo_id bigint not null,
    severity varchar(10) not null check (severity in ('reject', 'warning')),
    rule varchar(50) not null,
    reason text not null,
    payload jsonb,
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    attempts integer not null default 1,
    next_try_at timestamptz,
    run_id uuid,
    resolved_at timestamptz,
    resolution varchar(20)
);

-- One open finding a row and rule; a mended one stays as history.
create unique index if not exists sync_findings_open
    on odoo.sync_findings (stream, odoo_id, rule) where resolved_at is null;

alter table odoo.sync_metadata enable row level security;
alter table odoo.sync_streams enable row level security;
alter table odoo.sync_runs enable row level security;
alter table odoo.sync_findings enable row level security;

-- No policy is made: anon and authenticated see nothing until an operator grants it.
-- Supabase's service_role may read, tables of later migrations included.
do $$
begin
    if exists (select from pg_roles where rolname = 'service_role') then
        grant usage on schema odoo to service_role;
        grant select on all tables in schema odoo to service_role;
        alter default privileges in schema odoo grant select on tables to service_role;
    end if;
end
$$;
