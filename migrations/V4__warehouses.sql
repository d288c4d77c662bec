-- Warehouses, stock locations and operation types (Odoo: stock.warehouse, stock.location,
-- stock.picking.type).

create table if not exists odoo.warehouses (
    odoo_id bigint primary key,
    name text,
    code text,
    company_id bigint,
    partner_id bigint,
    stock_location_id bigint,
    view_location_id bigint,
    active boolean,
    extra jsonb not null default '{}',
    odoo_created_at timestamptz,
    odoo_updated_at timestamptz,
    odoo_related_at timestamptz,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

create table if not exists odoo.locations (
    odoo_id bigint primary key,
    name text,
    complete_name text,
    usage text,
    parent_id bigint,
    company_id bigint,
    active boolean,
    extra jsonb not null default '{}',
    odoo_created_at timestamptz,
    odoo_updated_at timestamptz,
    odoo_related_at timestamptz,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

create index if not exists locations_by_parent on odoo.locations (parent_id);

create table if not exists odoo.operation_types (
    odoo_id bigint primary key,
    name text,
    code text,
    warehouse_id bigint,
    company_id bigint,
    active boolean,
    extra jsonb not null default '{}',
    odoo_created_at timestamptz,
    odoo_updated_at timestamptz,
    odoo_related_at timestamptz,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

create index if not exists operation_types_by_warehouse on odoo.operation_types (warehouse_id);

alter table odoo.warehouses enable row level security;
alter table odoo.locations enable row level security;
alter table odoo.operation_types enable row level security;
