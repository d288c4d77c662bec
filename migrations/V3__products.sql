-- Units of measure and product variants (Odoo: uom.uom, product.product), and the
-- view that joins both with the categories. There are no foreign keys: the data types
-- arrive in any order.

create table if not exists odoo.uoms (
    odoo_id bigint primary key,
    name text,
    factor numeric,
    active boolean,
    extra jsonb not null default '{}',
    odoo_created_at timestamptz,
    odoo_updated_at timestamptz,
    odoo_related_at timestamptz,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

comment on column odoo.uoms.factor is 'How many of its reference unit one of it is';

create table if not exists odoo.products (
    odoo_id bigint primary key,
    template_id bigint,
    name text,
    default_code text,
    barcode text,
    type text,
    is_storable boolean,
    category_id bigint,
    uom_id bigint,
    list_price numeric,
    standard_price numeric,
    weight numeric,
    volume numeric,
    tracking text,
    sale_ok boolean,
    purchase_ok boolean,
    company_id bigint,
    active boolean,
    extra jsonb not null default '{}',
    odoo_created_at timestamptz,
    odoo_updated_at timestamptz,
    odoo_related_at timestamptz,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

comment on column odoo.products.odoo_related_at is 'Change time of the product template';

create index if not exists products_by_template on odoo.products (template_id);
create index if not exists products_by_category on odoo.products (category_id);
create index if not exists products_by_barcode on odoo.products (barcode);

alter table odoo.uoms enable row level security;
alter table odoo.products enable row level security;

-- Products that Odoo still has, archived ones included, with the names that belong to
-- other records: those are joined, never copied, so that a rename needs no product read.
create or replace view odoo.product_catalog with (security_invoker = true) as
select
    p.odoo_id,
    p.template_id,
    p.name,
    p.default_code,
    p.barcode,
    p.type,
    p.is_storable,
    p.category_id,
    c.name as category_name,
    c.complete_name as category_complete_name,
    p.uom_id,
    u.name as uom_name,
    p.list_price,
    p.standard_price,
    p.weight,
    p.volume,
    p.tracking,
    p.sale_ok,
    p.purchase_ok,
    p.company_id,
    p.active,
    p.extra,
    p.odoo_created_at,
    p.odoo_updated_at,
    p.synced_at
from odoo.products p
left join odoo.categories c on c.odoo_id = p.category_id and c.deleted_at is null
left join odoo.uoms u on u.odoo_id = p.uom_id and u.deleted_at is null
where p.deleted_at is null;
