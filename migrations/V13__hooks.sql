-- What Odoo's webhooks have asked for. A table of its own: each page of a run locks its data type's row of
-- sync_metadata, and a hook is to be answered at once.
create table if not exists odoo.sync_hooks (
    data_type varchar(50) primary key,
    -- The first hook that no run has answered yet.
    requested_at timestamptz,
    -- When the bus was last asked for that run.
    sent_at timestamptz,
    check (requested_at is not null or sent_at is null)
);

comment on column odoo.sync_hooks.requested_at is
    'The first hook of Odoo that no run has answered yet; a run takes it off before it asks Odoo what changed';
comment on column odoo.sync_hooks.sent_at is
    'When the bus was last asked for the run that answers it';

alter table odoo.sync_hooks enable row level security;
