-- Product categories (Odoo: product.category).

create table if not exists odoo.categories (
    odoo_id bigint primary key,
    name text,
    complete_name text,
    parent_id bigint,
    extra jsonb not null default '{}',
    odoo_created_at timestamptz,
    odoo_updated_at timestamptz,
    odoo_related_at timestamptz,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

create index if not exists categories_by_parent on odoo.categories (parent_id);

alter table odoo.categories enable row level security;
