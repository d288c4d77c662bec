-- What an operator decides by hand: a data type that is paused, a finding that is to be tried
-- again at once, and one that nobody wants to see any more.

alter table odoo.sync_metadata
    add column if not exists paused_at timestamptz,
    -- The address that asked for it, where it is known: all callers share one key.
    add column if not exists paused_by varchar(50),
    add column if not exists pause_reason varchar(500);

comment on column odoo.sync_metadata.paused_at is
    'Since when no run of the data type is started; null where it is not paused';

alter table odoo.sync_findings add column if not exists retry_requested_at timestamptz;

comment on column odoo.sync_findings.retry_requested_at is
    'When somebody asked for the reject to be tried again whatever its pause; null once it has been';
comment on column odoo.sync_findings.resolution is
    'mended, gone, or dismissed: then it stays away until its reason or its row changes';

-- Each finding is compared with what was dismissed before it is put down.
create index if not exists sync_findings_dismissed
    on odoo.sync_findings (stream, odoo_id, rule) where resolution = 'dismissed';
